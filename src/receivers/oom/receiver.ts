/** The OOM receiver: counts every kill in the kernel, with details from there and from the kernel's log. */
import { join } from 'node:path';
import { checkKernel, explain } from '../../kernel/explain.ts';
import type { Place } from '../../kernel/raw-path.ts';
import { BpfObject, Cells, pageSize, type RingBuffer } from '../../native/index.ts';
import { CGROUP_PATH, decodeCgroupPath } from '../cgroup-path.ts';
import { decodeOomEvent, OOM_CONFIG, OOM_COUNTERS, OOM_EVENT } from './events.ts';
import { Kmsg, readPastKills } from './kernel-log.ts';
import { type OomKill, OomKills } from './kills.ts';
import type { ReportedKill } from './kmsg.ts';
import { OomPaths } from './paths.ts';
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
  /** The hierarchy of {@link cgroupId}, which names containers. */
  readonly cgroupVersion: 1 | 2;
  /** The cgroup at the hierarchy's mount point; 0 without a mount. */
  readonly mountId?: bigint;
  /** Called with each cgroup in a kill's event, since it may be removed before it is looked up. */
  readonly onCgroup?: (id: bigint, place: Place) => void;
  /** Size of the ring buffer: a power of two, at least a page. */
  readonly ringBytes: number;
  readonly objects: string;
  /** For tests: the ways to attach that may be tried. */
  readonly methods?: readonly OomMethod[];
}

/** The limit of kills from before the start. */
const MAX_PAST = 1000;

export class OomReceiver {
  /** Readable when there may be kills to take. */
  readonly ring: RingBuffer;
  /** The preferred ways to attach, and why each of them failed. */
  readonly refusals: readonly OomRefusal[];
  /** The reason why the kernel's log cannot be read, or null. */
  readonly kmsgProblem: string | null;
  readonly #probes: OomProbes;
  readonly #counters: Cells;
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
    // Opened before the first kill is counted, so that no report is missed.
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
      this.ring = object.map('events').ringBuffer(ringBytes, this.#pageBytes);
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
   * `all`: all kills so far. `kills`: those that pass the filters. `lost`: those among them without an event. `cut`:
   * paths and sharers of memory that are missing in records. `corrupted`: how often the ring buffer was invalid.
   */
  counts(): Readonly<Record<'all' | 'kills' | 'lost' | 'cut' | 'corrupted', number>> {
    return {
      all: this.#counters.at(OOM_COUNTERS.offsets.all / 8),
      kills: this.#counters.at(OOM_COUNTERS.offsets.kills / 8),
      lost: this.#counters.at(OOM_COUNTERS.offsets.lost / 8),
      cut: this.#counters.at(OOM_COUNTERS.offsets.cut / 8),
      corrupted: this.ring.corrupted,
    };
  }

  /** Runs of programs that the kernel skipped. Makes a few system calls. */
  misses(): OomMisses {
    return this.#probes.missed();
  }

  /**
   * The kills that are complete since the last call, oldest first.
   *
   * @param final returns incomplete kills, too
   */
  take(nowMs: number, final = false): OomKill[] {
    // Read before the ring buffer, which then has all victims of these decisions.
    const decided = this.#counters.at(OOM_COUNTERS.offsets.decided / 8);
    this.ring.drain((record) => {
      if (record.length === CGROUP_PATH.size) this.#learn(record);
      else if (record.length >= OOM_EVENT.size) this.#kills.add(decodeOomEvent(record, this.#pageBytes), nowMs);
    });
    return this.#kills.take(nowMs, decided, final);
  }

  #learn(record: Buffer): void {
    const path = decodeCgroupPath(record);
    this.#paths.add(path);
    this.#onCgroup(path.cgroupId, path.place);
  }

  /** The last kills from before the start, by the kernel's log, oldest first. Later calls return none. */
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
