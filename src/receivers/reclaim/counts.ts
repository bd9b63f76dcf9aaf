/** Loads and attaches bpf/reclaim.bpf.c, and reads its counts. The layouts mirror bpf/reclaim.h. */
import { join } from 'node:path';
import { checkKernel, explain } from '../../kernel/explain.ts';
import { BpfObject, type BpfProgram, Cells, Struct, u8, u64 } from '../../native/index.ts';
import * as histograms from '../histograms.ts';

export const RECLAIM_CONFIG = new Struct('reclaim_config', { pid_ns_inum: u64, cgroup_id: u64, cgroup_v1: u8 });
export const RECLAIM_COUNTERS = new Struct('reclaim_counters', { no_start: u64 });

export const OPS = ['reclaim'] as const;
export type Op = (typeof OPS)[number];
/** `enum reclaim_cell`, in its order. */
export const CELLS = ['sumNs'] as const;
export type Counter = (typeof CELLS)[number];

export type ReclaimTotals = histograms.Totals<Counter>;
export type CgroupTotals = histograms.CgroupTotals<Op, Counter>;

export interface ReclaimOptions
  extends Omit<histograms.HistogramsOptions<Op, Counter>, 'operations' | 'counters' | 'firstBlocks'> {
  /** The folder of the compiled programs. */
  readonly objects: string;
  /** Count only this PID namespace and those below it; 0 counts all. */
  readonly pidNsInum: number;
  /** Count only this cgroup of the hierarchy and those below it; 0 counts all. */
  readonly cgroupId: bigint;
  /** The hierarchy whose cgroup ids are the keys. */
  readonly cgroupVersion: 1 | 2;
}

/** In the order of attaching: what began before is missed, and counted as that. */
const PROGRAMS = ['direct_begin', 'memcg_begin', 'direct_end', 'memcg_end'] as const;

export class ReclaimCounts extends histograms.Histograms<Op, Counter> {
  readonly #programs: readonly BpfProgram[];
  readonly #counters: Cells;

  /** Throws when the kernel refuses, and leaves nothing behind then. */
  static start(options: ReclaimOptions): ReclaimCounts {
    checkKernel();
    try {
      return new ReclaimCounts(options);
    } catch (error) {
      throw explain(error);
    }
  }

  private constructor(options: ReclaimOptions) {
    const { objects, pidNsInum, cgroupId, cgroupVersion, maxMapEntries } = options;
    const object = BpfObject.open(join(objects, 'reclaim.bpf.o'));
    object.map('.rodata.config').setInitialValue(
      RECLAIM_CONFIG.encode({
        pid_ns_inum: pidNsInum,
        cgroup_id: cgroupId,
        cgroup_v1: cgroupVersion === 1 ? 1 : 0,
      }),
    );
    const programs = PROGRAMS.map((name) => object.program(name));
    // Where the machine is short of memory, all of them are.
    super(object, { ...options, operations: OPS, counters: CELLS, firstBlocks: maxMapEntries });
    this.#programs = programs;
    this.#counters = new Cells(object.map('.data.counters').memory(RECLAIM_COUNTERS.size));
    try {
      for (const program of programs) program.attach();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The number of reclaims in the overflow. */
  overflowed(): number {
    const { reclaim } = this.overflow().operations;
    return reclaim === undefined ? 0 : endedOf(reclaim);
  }

  /**
   * Reclaims that were not measured. `no_start`: the end of one that had begun before Floatie, or whose start found no
   * room. `skipped`: programs that the kernel left out, an upper bound. Makes a few system calls.
   */
  misses(): Readonly<Record<'no_start' | 'skipped', number>> {
    return {
      no_start: this.#counters.at(RECLAIM_COUNTERS.offsets.no_start / 8),
      skipped: this.#programs.reduce((sum, program) => sum + program.recursionMisses(), 0),
    };
  }
}

export function endedOf({ buckets }: ReclaimTotals): number {
  return buckets.reduce((sum, count) => sum + count, 0);
}
