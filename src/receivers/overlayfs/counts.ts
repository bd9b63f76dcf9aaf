/**
 * The counts of bpf/overlayfs.bpf.c, in maps that outlive a change of its programs. The layouts mirror bpf/overlayfs.h.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { array, BpfObject, Cells, Struct, u8, u32, u64 } from '../../native/index.ts';
import * as histograms from '../histograms.ts';
import { CAUSES } from './causes.ts';
import { ERROR_TYPES, OPERATIONS, OPS, type Op, type Operation } from './operations.ts';
import { SlowEvents } from './slow-events.ts';

export const CONFIG = new Struct('overlayfs_config', {
  pid_ns_inum: u64,
  cgroup_id: u64,
  only_tgid: u64,
  only_tgid_dev: u64,
  only_tgid_ino: u64,
  operations: u64,
  max_threads: u32,
  cgroup_v1: u8,
  task_storage: u8,
  untyped_loads: u8,
  sleeps: u8,
});

/** `enum miss`, in its order. */
const MISSES = ['storage', 'starts_full', 'stale_start', 'no_start', 'clock', 'unreadable_name'] as const;
export type CountedMiss = (typeof MISSES)[number];

export const COUNTERS = new Struct('overlayfs_counters', {
  threads: u64,
  threads_unseen: u64,
  misses: array(u64, MISSES.length),
});

/** Where successful operations had their data from: neither fetched nor slept, fetched without waiting, and waited. */
export const READ_SOURCES = ['cache', 'readahead', 'device'] as const;

/**
 * `enum cell`, in its order: of successful operations the sum in ns, the bytes that they moved, where they had them from,
 * their time by cause in ns, and the bytes that they fetched from a device; the numbers of those that moved no byte or
 * were answered by ENOENT, EEXIST or ENOTDIR, of asynchronous ones, which complete at an unknown time, and of failed
 * ones by error.
 */
export const CELLS = [
  ...(['sumNs', 'bytes', 'cache'] as const),
  ...CAUSES.map((cause) => `${cause}Ns` as const),
  ...(['readahead', 'device', 'fetched', 'zeros', 'async'] as const),
  ...ERROR_TYPES,
] as const;

/** The maps with the records of threads, of which one is used. */
const RECORDS = ['threads', 'sleepers', 'threads_by_id'] as const;

export type OperationTotals = histograms.Totals<(typeof CELLS)[number]>;
export type CgroupTotals = histograms.CgroupTotals<Op, (typeof CELLS)[number]>;

export interface CountsOptions
  extends Omit<histograms.HistogramsOptions<Op, (typeof CELLS)[number]>, 'operations' | 'counters'> {
  /** The folder of the compiled programs. */
  readonly objects: string;
  /** Count only this PID namespace and those below it; 0 counts all. */
  readonly pidNsInum: number;
  /** Count only this cgroup of the hierarchy and those below it; 0 counts all. */
  readonly cgroupId?: bigint;
  /** Count only this process. */
  readonly onlyThisProcess?: boolean;
  /** The limit of threads with a record. The operations of further threads are missed. */
  readonly maxThreads: number;
  /** The duration from which on an operation is told as slow, in ns; 0, the default: none is. */
  readonly slowNs?: number;
  /** The hierarchy whose cgroup ids are the keys. */
  readonly cgroupVersion: 1 | 2;
}

/** Optional features of the kernel. */
export interface Features {
  /** Starts in task storage (Linux 5.11), else in a hash. */
  readonly taskStorage: boolean;
  /** `bpf_rdonly_cast` (Linux 6.2). */
  readonly typedLoads: boolean;
  /** Helpers may read the kernel's memory: not where it is locked down for confidentiality. */
  readonly untypedLoads: boolean;
  /** What operations sleep for, as far as this kernel tells it; with task storage. */
  readonly sleeps: boolean;
}

export class OverlayfsCounts extends histograms.Histograms<Op, (typeof CELLS)[number]> {
  readonly #options: CountsOptions;
  readonly #object: BpfObject;
  readonly #counters: Cells;
  /** The events of slow operations. */
  readonly slow: SlowEvents;
  /** Whether the programs that were opened last keep records of threads. */
  #hasThreads = false;

  /** Creates the maps without loading programs. */
  constructor(options: CountsOptions) {
    // Before a way is chosen, the object that loads on every kernel.
    const object = openObject(options, { typedLoads: false });
    for (const name of RECORDS) object.map(name).skip();
    SlowEvents.size(object, options.slowNs ?? 0, options.maxMapEntries + 1);
    super(object, { ...options, operations: OPS, counters: CELLS });
    this.#options = options;
    this.#object = object;
    this.#counters = new Cells(object.map('.data.counters').memory(COUNTERS.size));
    this.slow = new SlowEvents(object, options.slowNs ?? 0);
  }

  /**
   * Opens the object again with the shared maps, to load the named programs. The caller closes it.
   *
   * @param operations what programs on system calls count
   * @param isOnFunctions whether the programs are on functions instead
   */
  openPrograms(
    names: readonly string[],
    features: Features,
    operations: readonly Operation[] = OPERATIONS,
    isOnFunctions = false,
  ): BpfObject {
    const object = openObject(this.#options, features);
    try {
      this.share(object);
      this.slow.share(object, isOnFunctions);
      object.map('.data.counters').reuse(this.#object.map('.data.counters'));
      const records = !features.taskStorage ? 'threads_by_id' : features.sleeps ? 'sleepers' : 'threads';
      for (const name of RECORDS) if (name !== records) object.map(name).skip();
      // The new object has its own records; those of the earlier object are gone.
      this.#set('threads', 0);
      this.#set('threads_unseen', 0);
      this.#hasThreads = features.taskStorage;
      for (const name of names) object.program(name).include();
      const { pidNsInum, cgroupId = 0n, cgroupVersion, onlyThisProcess = false, maxThreads } = this.#options;
      const namespace = statSync('/proc/self/ns/pid');
      object.map('.rodata.config').setInitialValue(
        CONFIG.encode({
          pid_ns_inum: pidNsInum,
          cgroup_id: cgroupId,
          only_tgid: onlyThisProcess ? process.pid : 0,
          only_tgid_dev: namespace.dev,
          only_tgid_ino: namespace.ino,
          operations: operations.reduce((bits, { op }) => bits + 2 ** OPS.indexOf(op), 0),
          max_threads: maxThreads,
          cgroup_v1: cgroupVersion === 1 ? 1 : 0,
          task_storage: features.taskStorage ? 1 : 0,
          untyped_loads: features.untypedLoads ? 1 : 0,
          sleeps: features.sleeps ? 1 : 0,
        }),
      );
      return object;
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /** The number of operations in the overflow. */
  overflowed(): number {
    return Object.values(this.overflow().operations).reduce((sum, operation) => sum + endedOf(operation), 0);
  }

  /** Operations that the programs ran for but could not time. */
  misses(): Record<CountedMiss, number> {
    const first = COUNTERS.offsets.misses / 8;
    const counted = MISSES.map((reason, index) => [reason, this.#counters.at(first + index)]);
    return Object.fromEntries(counted) as Record<CountedMiss, number>;
  }

  /** How many threads have a record; null where there are records of operations only, or nothing is attached yet. */
  threads(): number | null {
    if (!this.#hasThreads) return null;
    return this.#counter('threads') - this.#counter('threads_unseen');
  }

  /**
   * Reports the missed runs of the program for ends of threads. These include threads without a record, so afterwards
   * as many more than `maxThreads` may have a record.
   */
  missedThreadEnds(count: number): void {
    this.#set('threads_unseen', Math.min(count, this.#counter('threads')));
  }

  #counter(name: keyof typeof COUNTERS.offsets): number {
    return this.#counters.at(COUNTERS.offsets[name] / 8);
  }

  #set(name: keyof typeof COUNTERS.offsets, value: number): void {
    this.#counters.set(COUNTERS.offsets[name] / 8, value);
  }
}

/** The number of ended operations, timed or not. */
export function endedOf(totals: OperationTotals): number {
  const { buckets, zeros, async } = totals;
  return buckets.reduce((sum, count) => sum + count, zeros + async + failedOf(totals));
}

/** The number of failed operations. */
export function failedOf(totals: OperationTotals): number {
  return ERROR_TYPES.reduce((sum, type) => sum + totals[type], 0);
}

function openObject({ objects }: CountsOptions, { typedLoads }: Pick<Features, 'typedLoads'>): BpfObject {
  return BpfObject.open(join(objects, typedLoads ? 'overlayfs_typed.bpf.o' : 'overlayfs.bpf.o'));
}
