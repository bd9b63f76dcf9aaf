/** The OOM receiver: every kill counted in the kernel, what is known of it from there and from the kernel's log. */
import { join } from 'node:path';
import { checkKernel, explain } from '../../kernel/explain.ts';
import type { Place } from '../../kernel/raw-path.ts';
import { BpfObject, Cells, pageSize, type RingBuffer } from '../../native/index.ts';
import { decodeOomEvent, OOM_CONFIG, OOM_COUNTERS, OOM_EVENT } from './events.ts';
import { Kmsg, readPastKills } from './kernel-log.ts';
import { type OomKill, OomKills } from './kills.ts';
import type { ReportedKill } from './kmsg.ts';
import { decodeOomPath, OOM_PATH, OomPaths } from './paths.ts';
import {
  attachOomProbes,
  OOM_METHODS,
  type OomMethod,
  type OomMisses,
  type OomProbes,
  type OomRefusal,
} from './probes.ts';

export interface OomOptions {
  /** Count only victims of this PID namespace and those below it; 0 counts all. */
  readonly pidNsInum: number;
  /** Count only victims in this cgroup and those below it; 0 counts all. */
  readonly cgroupId: bigint;
  /** The hierarchy that {@link cgroupId} is of, and that names containers. */
  readonly cgroupVersion: 1 | 2;
  /** The cgroup that is mounted as its root; 0 where none is seen. */
  readonly mountId?: bigint;
  /** Told of each cgroup that has a part in a kill: by the time somebody looks, it can be removed. */
  readonly onCgroup?: (id: bigint, place: Place) => void;
  /** Size of the ring buffer: a power of two, at least a page. */
  readonly ringBytes: number;
  readonly objects: string;
  /** For tests: the ways to attach that may be tried. */
  readonly methods?: readonly OomMethod[];
}

/** How many kills from before the start are read. */
const MAX_PAST = 1000;

export class OomReceiver {
  /** The better ways to attach, and why not. */
  readonly refusals: readonly OomRefusal[];
  /** Why the kernel's log cannot be read, or null. */
  readonly kmsgProblem: string | null;
  readonly #probes: OomProbes;
  readonly #counters: Cells;
  readonly #ring: RingBuffer;
  readonly #pageBytes = pageSize();
  readonly #kmsg: Kmsg | null;
  readonly #kills: OomKills;
  readonly #past: ReportedKill[];
  readonly #paths: OomPaths;
  readonly #onCgroup: NonNullable<OomOptions['onCgroup']>;

  static start(options: OomOptions): OomReceiver {
    checkKernel();
    return new OomReceiver(options);
  }

  private constructor(options: OomOptions) {
    const { pidNsInum, cgroupId, cgroupVersion, mountId = 0n, ringBytes, objects, methods = OOM_METHODS } = options;
    this.#onCgroup = options.onCgroup ?? (() => undefined);
    // Before the first kill is counted, so that its report is not missed.
    const { kmsg, problem } = openKmsg();
    this.#kmsg = kmsg;
    this.#past = kmsg === null ? [] : readPastKills(MAX_PAST);
    this.#paths = new OomPaths(cgroupVersion);
    this.#kills = new OomKills(kmsg, this.#paths);
    this.kmsgProblem = problem;
    const open = (): BpfObject => {
      const object = BpfObject.open(join(objects, 'oom.bpf.o'));
      object.map('.rodata.config').setInitialValue(
        OOM_CONFIG.encode({
          pid_ns_inum: pidNsInum,
          cgroup_id: cgroupId,
          mount_id: mountId,
          cgroup_v1: cgroupVersion === 1 ? 1 : 0,
        }),
      );
      object.map('events').setMaxEntries(ringBytes);
      return object;
    };
    let probes: OomProbes | undefined;
    try {
      ({ probes, refusals: this.refusals } = attachOomProbes(open, methods));
      const { object } = probes;
      this.#probes = probes;
      this.#counters = new Cells(object.map('.data.counters').memory(OOM_COUNTERS.size));
      this.#ring = object.map('events').ringBuffer(ringBytes, this.#pageBytes);
    } catch (error) {
      probes?.close();
      kmsg?.close();
      throw explain(error);
    }
  }

  get method(): OomMethod {
    return this.#probes.method;
  }

  /**
   * All kills so far; those that the filters let through, those among them of which nothing else is known; paths and
   * sharers of memory that the records of others lack; and times the ring buffer was unreadable.
   */
  counts(): Readonly<Record<'all' | 'kills' | 'lost' | 'cut' | 'corrupted', number>> {
    return {
      all: this.#counters.at(OOM_COUNTERS.offsets.all / 8),
      kills: this.#counters.at(OOM_COUNTERS.offsets.kills / 8),
      lost: this.#counters.at(OOM_COUNTERS.offsets.lost / 8),
      cut: this.#counters.at(OOM_COUNTERS.offsets.cut / 8),
      corrupted: this.#ring.corrupted,
    };
  }

  /** What the kernel did not let the programs see. Makes a few system calls. */
  misses(): OomMisses {
    return this.#probes.missed();
  }

  /**
   * The kills since the last call, oldest first, each once all that belongs to it is known or will not come any more.
   *
   * @param final nothing is waited for
   */
  take(nowMs: number, final = false): OomKill[] {
    // Read first: all victims of these decisions are in the ring buffer already.
    const decided = this.#counters.at(OOM_COUNTERS.offsets.decided / 8);
    this.#ring.drain((record) => {
      if (record.length === OOM_PATH.size) this.#learn(record);
      else if (record.length >= OOM_EVENT.size) this.#kills.add(decodeOomEvent(record, this.#pageBytes), nowMs);
    });
    return this.#kills.take(nowMs, decided, final);
  }

  #learn(record: Buffer): void {
    const path = decodeOomPath(record);
    this.#paths.add(path);
    this.#onCgroup(path.cgroupId, path.place);
  }

  /** The last kills from before the start that the kernel's log still had then, oldest first; once. */
  takePast(): ReportedKill[] {
    return this.#past.splice(0);
  }

  get stopped(): boolean {
    return this.#probes.object.closed;
  }

  /** Detaches and unloads everything. Safe to call twice. */
  stop(): void {
    if (this.stopped) return;
    this.#probes.close();
    this.#kmsg?.close();
  }
}

function openKmsg(): { kmsg: Kmsg | null; problem: string | null } {
  try {
    return { kmsg: new Kmsg(), problem: null };
  } catch (error) {
    return { kmsg: null, problem: (error as Error).message };
  }
}
