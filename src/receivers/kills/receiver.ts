/** Loads and attaches bpf/kills.bpf.c, and reads what it tells. */
import { join } from 'node:path';
import { checkKernel, explain } from '../../kernel/explain.ts';
import type { Place } from '../../kernel/raw-path.ts';
import { BpfObject, type BpfProgram, Cells, pageSize, type RingBuffer } from '../../native/index.ts';
import { CGROUP_PATH, decodeCgroupPath } from '../cgroup-path.ts';
import {
  decodeKillEvent,
  decodeKillMark,
  KILL_EVENT,
  KILL_MARK,
  KILLS_CONFIG,
  KILLS_COUNTERS,
  type KillEvent,
  type KillMark,
} from './events.ts';

export interface KillsOptions {
  /** Tell only of victims of this PID namespace and those below it; 0: of all. */
  readonly pidNsInum: number;
  /** Tell only of victims in this cgroup and those below it; 0: of all. */
  readonly cgroupId: bigint;
  /** The hierarchy of {@link cgroupId}, which names containers. */
  readonly cgroupVersion: 1 | 2;
  /** The cgroup at the hierarchy's mount point; 0 without a mount. */
  readonly mountId?: bigint;
  /** Called with each cgroup of a kill, since it may be removed before it is looked up. */
  readonly onCgroup?: (id: bigint, place: Place) => void;
  /** Size of the ring buffer: a power of two, at least a page. */
  readonly ringBytes: number;
  readonly objects: string;
}

/** In the order of attaching: the mark first, so that no kill is half seen. */
const PROGRAMS = ['victim_marked', 'signal_sent'] as const;

export class KillsReceiver {
  /** Readable when there may be kills to take. */
  readonly ring: RingBuffer;
  readonly #object: BpfObject;
  readonly #programs: readonly BpfProgram[];
  readonly #counters: Cells;
  readonly #onCgroup: NonNullable<KillsOptions['onCgroup']>;

  /** Throws when the kernel refuses, and leaves nothing behind then. */
  static start(options: KillsOptions): KillsReceiver {
    checkKernel();
    try {
      return new KillsReceiver(options);
    } catch (error) {
      throw explain(error);
    }
  }

  private constructor({
    pidNsInum,
    cgroupId,
    cgroupVersion,
    mountId = 0n,
    ringBytes,
    objects,
    onCgroup,
  }: KillsOptions) {
    this.#onCgroup = onCgroup ?? (() => undefined);
    this.#object = BpfObject.open(join(objects, 'kills.bpf.o'));
    try {
      this.#object.map('.rodata.config').setInitialValue(
        KILLS_CONFIG.encode({
          pid_ns_inum: pidNsInum,
          cgroup_id: cgroupId,
          mount_id: mountId,
          cgroup_v1: cgroupVersion === 1 ? 1 : 0,
        }),
      );
      this.#object.map('events').setMaxEntries(ringBytes);
      this.#programs = PROGRAMS.map((name) => this.#object.program(name));
      this.#object.load();
      for (const program of this.#programs) program.attach();
      this.#counters = new Cells(this.#object.map('.data.counters').memory(KILLS_COUNTERS.size));
      this.ring = this.#object.map('events').ringBuffer(ringBytes, pageSize());
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  /**
   * `kills`: all so far that pass the filters. `lost`: those among them without an event. `cut`: paths and marks that
   * are missing. `corrupted`: how often the ring buffer was invalid.
   */
  counts(): Readonly<Record<'kills' | 'lost' | 'cut' | 'corrupted', number>> {
    return {
      kills: this.#counters.at(KILLS_COUNTERS.offsets.kills / 8),
      lost: this.#counters.at(KILLS_COUNTERS.offsets.lost / 8),
      cut: this.#counters.at(KILLS_COUNTERS.offsets.cut / 8),
      corrupted: this.ring.corrupted,
    };
  }

  /** Skipped runs of the programs, an upper bound of missed kills: they see all signals. Makes a few system calls. */
  missed(): number {
    return this.#programs.reduce((sum, program) => sum + program.recursionMisses(), 0);
  }

  /** What was told since the last call, oldest first. */
  take(): { readonly kills: readonly KillEvent[]; readonly marks: readonly KillMark[] } {
    const kills: KillEvent[] = [];
    const marks: KillMark[] = [];
    this.ring.drain((record) => {
      if (record.length === KILL_MARK.size) marks.push(decodeKillMark(record));
      else if (record.length === KILL_EVENT.size) kills.push(decodeKillEvent(record));
      else if (record.length === CGROUP_PATH.size) {
        const { cgroupId, place } = decodeCgroupPath(record);
        this.#onCgroup(cgroupId, place);
      }
    });
    return { kills, marks };
  }

  /** Detaches and unloads everything. Safe to call twice. */
  stop(): void {
    this.#object.close();
  }
}
