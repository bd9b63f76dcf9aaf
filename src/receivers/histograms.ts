/**
 * The user side of bpf/histograms.h: histograms and counters by cgroup and operation, in memory that BPF programs
 * write. Every receiver that counts by cgroup has one, with its own grid of bounds.
 */
import { MAX_BOUNDS } from '../metrics/buckets.ts';
import { array, type BpfObject, pageSize, possibleCpus, type RingBuffer, Struct, u32, u64 } from '../native/index.ts';
import { monotonicNs } from '../program/clock.ts';
import { Blocks, type Layout, layoutOf } from './blocks.ts';
import { type Claims, type Drained, OVERFLOW_SLOT, Slots } from './slots.ts';

export const GRID = new Struct('grid', {
  bounds_ns: array(u64, MAX_BOUNDS),
  bound_count: u32,
  shard_mask: u32,
  operations: u32,
  block_cells: u32,
});

/** The maps that all programs share, also after a change of the way to attach. */
const MAPS = [
  'cells',
  'owners',
  'shard_blocks',
  'free_blocks',
  'spare_blocks',
  'slots',
  'slot_by_cgroup',
  'free_slots',
  'new_cgroups',
  '.data.slots',
  '.data.blocks',
] as const;

export interface HistogramsOptions<Op extends string, Counter extends string> {
  /** The operations, in the order of their cells. */
  readonly operations: readonly Op[];
  /** The counters of an operation besides its buckets, in the order of their cells. */
  readonly counters: readonly Counter[];
  /** Ascending upper bounds of the kernel's buckets, inclusive, in ns; at most {@link MAX_BOUNDS}. */
  readonly boundsNs: readonly number[];
  /** The number of cgroups with counts of their own. */
  readonly maxMapEntries: number;
  /** How long a removed cgroup's counts stay, in ms. */
  readonly expireMs: number;
  /** For tests: the number of CPUs that this machine can have. */
  readonly cpus?: number;
  /** For tests: the number of blocks that cgroups can claim when they first do an operation. */
  readonly firstBlocks?: number;
}

/** The totals of one operation since the cgroup's counts began. */
export type Totals<Counter extends string> = Readonly<Record<Counter, number>> & {
  /** One more than the bounds: the last bucket is for values above the last bound. */
  readonly buckets: readonly number[];
};

export interface CgroupTotals<Op extends string, Counter extends string> {
  /** Unique: a slot that is reused for another cgroup gets another key. */
  readonly key: string;
  /** null for the overflow: all cgroups without an entry. */
  readonly cgroupId: bigint | null;
  /** The start of the counts, in ns of CLOCK_MONOTONIC. */
  readonly bornNs: number;
  readonly operations: Operations<Op, Counter>;
}

/** A cgroup with counts of its own. It is good until the next one is asked for. */
export interface Entry<Op extends string, Counter extends string> {
  /** As that of {@link CgroupTotals}. */
  readonly key: string;
  readonly cgroupId: bigint;
  /** Another number when its counts have changed. */
  readonly version: number;
  totals(): CgroupTotals<Op, Counter>;
  /** Each is good until the next one is asked for. */
  buckets(): Iterable<readonly [Op, Float64Array]>;
}

/** Without those that were never done. */
export type Operations<Op extends string, Counter extends string> = Readonly<Partial<Record<Op, Totals<Counter>>>>;

export class Histograms<Op extends string, Counter extends string> {
  /** Has a record when a cgroup got counts of its own. */
  readonly newCgroups: RingBuffer;
  readonly #options: HistogramsOptions<Op, Counter>;
  readonly #object: BpfObject;
  readonly #layout: Layout;
  readonly #blocks: Blocks;
  readonly #slots: Slots;
  readonly #startedNs = monotonicNs();
  readonly #zeros: Readonly<Record<Counter, number>>;
  /** The counts of freed slots that went to the overflow series. */
  #folded = none<Op, Counter>();
  #isClosed = false;

  /**
   * Loads the object, and gives every slot to the kernel; no program runs yet.
   *
   * @param object opened and not loaded; closed with the histograms
   */
  constructor(object: BpfObject, options: HistogramsOptions<Op, Counter>) {
    const { operations, counters, boundsNs, maxMapEntries, expireMs, cpus = possibleCpus(), firstBlocks } = options;
    this.#options = options;
    this.#object = object;
    this.#zeros = Object.fromEntries(counters.map((counter) => [counter, 0])) as Record<Counter, number>;
    const cells = counters.length + boundsNs.length + 1;
    this.#layout = layoutOf(maxMapEntries + 1, operations.length, cells, cpus, firstBlocks);
    try {
      Blocks.size(object, this.#layout);
      Slots.size(object, maxMapEntries);
      const pageBytes = pageSize();
      object.map('new_cgroups').setMaxEntries(pageBytes);
      this.#setGrid(object);
      object.load();
      this.#blocks = new Blocks(object, this.#layout);
      this.#slots = new Slots(object, maxMapEntries, expireMs);
      this.newCgroups = object.map('new_cgroups').ringBuffer(pageBytes, pageBytes);
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /** Before loading: lets the programs of another object count into these maps, too. */
  share(object: BpfObject): void {
    for (const name of MAPS) object.map(name).reuse(this.#object.map(name));
    this.#setGrid(object);
  }

  /** The counts of every cgroup, the overflow first. Makes no system call. */
  read(): CgroupTotals<Op, Counter>[] {
    const overflow = this.overflow();
    const own = Array.from(this.#slots.counted(), (slot) => this.#totalsOf(slot, this.#slots.cgroupIdOf(slot)));
    return [overflow, ...own];
  }

  /**
   * As {@link read}, one after the other; each is good until the next one is asked for: ten thousand cgroups at a time
   * would take a lot of memory. Ends early when it is closed meanwhile, which takes the maps' memory away.
   */
  *each(): Generator<CgroupTotals<Op, Counter>> {
    yield this.overflow();
    if (this.#isClosed) return;
    const reused = {};
    for (const slot of this.#slots.counted()) {
      yield this.#totalsOf(slot, this.#slots.cgroupIdOf(slot), reused);
      if (this.#isClosed) return;
    }
  }

  /** The cgroups with counts of their own. Most do nothing, and need not be read. Ends early as {@link each} does. */
  *entries(): Generator<Entry<Op, Counter>> {
    this.#blocks.find();
    let current = OVERFLOW_SLOT;
    const entry = {
      key: '',
      cgroupId: 0n,
      version: 0,
      totals: () => this.#totalsOf(current, entry.cgroupId),
      buckets: () => this.#bucketsOf(current),
    };
    for (const slot of this.#slots.counted()) {
      current = slot;
      entry.key = this.#slots.keyOf(slot);
      entry.cgroupId = this.#slots.cgroupIdOf(slot);
      entry.version = this.#blocks.version(slot);
      yield entry;
      if (this.#isClosed) return;
    }
  }

  /** The counts of all cgroups without an entry. Makes no system call. */
  overflow(): CgroupTotals<Op, Counter> {
    this.#blocks.find();
    let operations = this.#folded;
    for (const slot of this.#slots.folded()) operations = added(operations, this.#operationsOf(slot));
    return { key: this.#slots.keyOf(OVERFLOW_SLOT), cgroupId: null, bornNs: this.#startedNs, operations };
  }

  /** The ids of cgroups with counts of their own. Makes no system call. */
  cgroupIds(): bigint[] {
    return this.#slots.cgroupIds();
  }

  /**
   * Frees the slots of cgroups that were removed long enough ago.
   *
   * @returns the last counts of the freed slots, which no later {@link read} has
   */
  retire(isGone: (cgroupId: bigint) => boolean, nowMs: number): CgroupTotals<Op, Counter>[] {
    const last = this.#free(this.#slots.drained(nowMs, () => false));
    this.#slots.retire(isGone, nowMs);
    return last;
  }

  /**
   * Takes entries back when free ones, or blocks, run short. A cgroup without an entry counts in the overflow series.
   *
   * @returns as {@link retire}
   */
  reclaim(claims: Claims, nowMs: number): CgroupTotals<Op, Counter>[] {
    const last = this.#free(this.#slots.drained(nowMs, claims.isReadSince));
    this.#slots.reclaim(claims, nowMs, this.#blocks);
    return last;
  }

  /** Whether this living cgroup counts in the overflow series. The caller still has to look for its removal. */
  isBanished(cgroupId: bigint): boolean {
    return this.#slots.isBanished(cgroupId);
  }

  /** Changes how long the counts of removed cgroups stay, in ms, also for cgroups that are removed already. */
  expireAfter(ms: number): void {
    this.#slots.expireAfter(ms);
  }

  /** The number of cgroups with counts of their own. */
  usedEntries(): number {
    return this.#slots.used();
  }

  /** Whether a further cgroup or operation counts in the overflow. Cheaper than {@link overflow}. */
  get isFull(): boolean {
    return this.#slots.isFull || this.#blocks.isEmpty;
  }

  /** A number that changes when a cgroup gets counts of its own, or loses them. */
  changes(): number {
    return this.#slots.changes();
  }

  /** Frees the maps, unless something else holds them. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#object.close();
  }

  #setGrid(object: BpfObject): void {
    const { boundsNs } = this.#options;
    const { shards, operations, blockCells } = this.#layout;
    object.map('.rodata.grid').setInitialValue(
      GRID.encode({
        bounds_ns: boundsNs,
        bound_count: boundsNs.length,
        shard_mask: shards - 1,
        operations,
        block_cells: blockCells,
      }),
    );
  }

  #free(drained: readonly Drained[]): CgroupTotals<Op, Counter>[] {
    if (drained.length === 0 && !this.#blocks.isEmpty) return [];
    this.#blocks.find();
    const last = drained.map(({ slot, cgroupId, isFolded }) => {
      const totals = this.#totalsOf(slot, cgroupId);
      if (isFolded) this.#folded = added(this.#folded, totals.operations);
      this.#blocks.clear(slot);
      this.#slots.free(slot);
      return isFolded ? { ...totals, operations: none() } : totals;
    });
    this.#blocks.offer();
    return last;
  }

  /** @param reused filled, and a part of what is returned */
  #totalsOf(slot: number, cgroupId: bigint, reused: Reused<Op, Counter> = {}): CgroupTotals<Op, Counter> {
    const bornNs = this.#slots.bornNsOf(slot);
    return { key: this.#slots.keyOf(slot), cgroupId, bornNs, operations: this.#operationsOf(slot, reused) };
  }

  #operationsOf(slot: number, reused: Reused<Op, Counter> = {}): Operations<Op, Counter> {
    const all: Partial<Record<Op, Totals<Counter>>> = {};
    const { operations } = this.#options;
    for (let index = 0; index < operations.length; index++) {
      const sums = this.#blocks.sums(slot, index);
      if (sums === null) continue;
      const op = operations[index] as Op;
      reused[op] ??= this.#newTotals();
      const totals = reused[op] as Growing<Counter>;
      this.#fill(totals, sums);
      all[op] = totals;
    }
    return all;
  }

  *#bucketsOf(slot: number): Generator<readonly [Op, Float64Array]> {
    const { operations, counters } = this.#options;
    for (const [index, op] of operations.entries()) {
      const sums = this.#blocks.sums(slot, index);
      if (sums !== null) yield [op, sums.subarray(counters.length)];
    }
  }

  #newTotals(): Growing<Counter> {
    return { ...this.#zeros, buckets: new Array<number>(this.#options.boundsNs.length + 1).fill(0) };
  }

  #fill(totals: Growing<Counter>, sums: Float64Array): void {
    const { counters } = this.#options;
    const { length } = counters;
    const { buckets } = totals;
    for (let bucket = 0; bucket < buckets.length; bucket++) buckets[bucket] = sums[length + bucket] ?? 0;
    const cells = totals as Record<Counter, number>;
    for (let cell = 0; cell < length; cell++) cells[counters[cell] as Counter] = sums[cell] ?? 0;
  }
}

type Growing<Counter extends string> = Record<Counter, number> & { readonly buckets: number[] };
type Reused<Op extends string, Counter extends string> = Partial<Record<Op, Growing<Counter>>>;

function none<Op extends string, Counter extends string>(): Operations<Op, Counter> {
  return {} as Operations<Op, Counter>;
}

function added<Op extends string, Counter extends string>(
  a: Operations<Op, Counter>,
  b: Operations<Op, Counter>,
): Operations<Op, Counter> {
  const all: Partial<Record<Op, Totals<Counter>>> = { ...a };
  for (const [op, totals] of Object.entries(b) as [Op, Totals<Counter>][]) {
    const before = a[op];
    all[op] = before === undefined ? totals : combined(before, totals, (x, y) => x + y);
  }
  return all;
}

/** Combines each number of `a` with that of `b`, which has the same buckets. */
export function combined<Counter extends string>(
  a: Totals<Counter>,
  b: Totals<Counter>,
  by: (a: number, b: number) => number,
): Totals<Counter> {
  const { buckets, ...counters } = a;
  const numbers = Object.entries<number>(counters).map(([name, value]) => [name, by(value, b[name as Counter])]);
  return {
    ...Object.fromEntries(numbers),
    buckets: buckets.map((count, index) => by(count, b.buckets[index] ?? 0)),
  } as Totals<Counter>;
}
