/**
 * The user side of bpf/histograms.h: histograms and counters by cgroup and operation, in memory that BPF programs
 * write. Every receiver that counts by cgroup has one, with its own grid of bounds.
 */
import { MAX_BOUNDS } from '../metrics/buckets.ts';
import { array, type BpfObject, Cells, possibleCpus, Struct, u32, u64 } from '../native/index.ts';
import { monotonicNs } from '../program/clock.ts';
import { type Claims, type Drained, OVERFLOW_SLOT, Slots } from './slots.ts';

export const GRID = new Struct('grid', {
  bounds_ns: array(u64, MAX_BOUNDS),
  bound_count: u32,
  shard_mask: u32,
  group_cells: u32,
  block_cells: u32,
});

/** Cells of 8 bytes in a cache line: two blocks never share one. */
const LINE_CELLS = 8;

/** More CPUs share cells; adds are atomic, so sharing costs only time. */
const MAX_SHARDS = 16;

/** The maps that all programs share, also after a change of the way to attach. */
const MAPS = ['cells', 'slots', 'slot_by_cgroup', 'free_slots', '.data.slots'] as const;

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
  readonly operations: Readonly<Record<Op, Totals<Counter>>>;
}

export class Histograms<Op extends string, Counter extends string> {
  readonly #options: HistogramsOptions<Op, Counter>;
  readonly #object: BpfObject;
  readonly #shards = shardsFor(possibleCpus());
  readonly #groupCells: number;
  readonly #blockCells: number;
  readonly #cells: Cells;
  readonly #slots: Slots;
  readonly #startedNs = monotonicNs();
  readonly #nothing: Totals<Counter>;
  /** The counts of freed slots that went to the overflow series. */
  #folded: Readonly<Record<Op, Totals<Counter>>>;

  /**
   * Loads the object, and gives every slot to the kernel; no program runs yet.
   *
   * @param object opened and not loaded; closed with the histograms
   */
  constructor(object: BpfObject, options: HistogramsOptions<Op, Counter>) {
    const { operations, counters, boundsNs, maxMapEntries, expireMs } = options;
    this.#options = options;
    this.#object = object;
    this.#groupCells = counters.length + boundsNs.length + 1;
    this.#blockCells = Math.ceil((operations.length * this.#groupCells) / LINE_CELLS) * LINE_CELLS;
    this.#nothing = nothing(counters, boundsNs.length + 1);
    this.#folded = this.#each(() => this.#nothing);
    const cellCount = (maxMapEntries + 1) * this.#shards * this.#blockCells;
    try {
      object.map('cells').setMaxEntries(cellCount);
      Slots.size(object, maxMapEntries);
      this.#setGrid(object);
      object.load();
      this.#cells = new Cells(object.map('cells').memory(cellCount * 8));
      this.#slots = new Slots(object, maxMapEntries, expireMs);
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
    return [this.overflow(), ...Array.from(this.#slots.counted(), ([slot, id]) => this.#totalsOf(slot, id))];
  }

  /** The counts of all cgroups without an entry. Makes no system call. */
  overflow(): CgroupTotals<Op, Counter> {
    let operations = this.#folded;
    for (const slot of this.#slots.folded()) operations = this.#added(operations, this.#operationsOf(slot));
    return { key: this.#slots.keyOf(OVERFLOW_SLOT), cgroupId: null, bornNs: this.#startedNs, operations };
  }

  /** The ids of cgroups with counts of their own. Makes no system call. */
  cgroupIds(): bigint[] {
    return Array.from(this.#slots.taken(), ([, id]) => id);
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
   * Takes entries back when free ones run short. A cgroup without an entry counts in the overflow series.
   *
   * @returns as {@link retire}
   */
  reclaim(claims: Claims, nowMs: number): CgroupTotals<Op, Counter>[] {
    const last = this.#free(this.#slots.drained(nowMs, claims.isReadSince));
    this.#slots.reclaim(claims, nowMs);
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

  /** Frees the maps, unless something else holds them. Safe to call twice. */
  close(): void {
    this.#object.close();
  }

  #setGrid(object: BpfObject): void {
    const { boundsNs } = this.#options;
    object.map('.rodata.grid').setInitialValue(
      GRID.encode({
        bounds_ns: boundsNs,
        bound_count: boundsNs.length,
        shard_mask: this.#shards - 1,
        group_cells: this.#groupCells,
        block_cells: this.#blockCells,
      }),
    );
  }

  #free(drained: readonly Drained[]): CgroupTotals<Op, Counter>[] {
    return drained.map(({ slot, cgroupId, isFolded }) => {
      const totals = this.#totalsOf(slot, cgroupId);
      if (isFolded) this.#folded = this.#added(this.#folded, totals.operations);
      this.#cells.clear(this.#blockOf(slot), this.#shards * this.#blockCells);
      this.#slots.free(slot);
      return isFolded ? { ...totals, operations: this.#each(() => this.#nothing) } : totals;
    });
  }

  #totalsOf(slot: number, cgroupId: bigint): CgroupTotals<Op, Counter> {
    const bornNs = this.#slots.bornNsOf(slot);
    return { key: this.#slots.keyOf(slot), cgroupId, bornNs, operations: this.#operationsOf(slot) };
  }

  #operationsOf(slot: number): Record<Op, Totals<Counter>> {
    const block = this.#blockOf(slot);
    return this.#each((_, index) => this.#totalsAt(block + index * this.#groupCells));
  }

  /** @param group the first cell of an operation in the first shard */
  #totalsAt(group: number): Totals<Counter> {
    // Most cgroups use few operations: an unused one allocates nothing.
    if (this.#isUntouched(group)) return this.#nothing;
    const { counters, boundsNs } = this.#options;
    const buckets = new Array<number>(boundsNs.length + 1).fill(0);
    const totals: Record<string, number> = {};
    let cell = group;
    for (const counter of counters) totals[counter] = this.#sumAt(cell++);
    for (let bucket = 0; bucket < buckets.length; bucket++) buckets[bucket] = this.#sumAt(cell++);
    return { ...totals, buckets } as Totals<Counter>;
  }

  #isUntouched(group: number): boolean {
    for (let shard = 0; shard < this.#shards; shard++) {
      const first = group + shard * this.#blockCells;
      for (let cell = first; cell < first + this.#groupCells; cell++) if (!this.#cells.isZero(cell)) return false;
    }
    return true;
  }

  /** The sum over all shards. */
  #sumAt(cell: number): number {
    let sum = 0;
    for (let shard = 0; shard < this.#shards; shard++) sum += this.#cells.at(cell + shard * this.#blockCells);
    return sum;
  }

  #blockOf(slot: number): number {
    return slot * this.#shards * this.#blockCells;
  }

  #added(
    a: Readonly<Record<Op, Totals<Counter>>>,
    b: Readonly<Record<Op, Totals<Counter>>>,
  ): Record<Op, Totals<Counter>> {
    return this.#each((op) => combined(a[op], b[op], (x, y) => x + y));
  }

  #each(totalsOf: (op: Op, index: number) => Totals<Counter>): Record<Op, Totals<Counter>> {
    const all: Partial<Record<Op, Totals<Counter>>> = {};
    for (const [index, op] of this.#options.operations.entries()) all[op] = totalsOf(op, index);
    return all as Record<Op, Totals<Counter>>;
  }
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

function nothing<Counter extends string>(counters: readonly Counter[], buckets: number): Totals<Counter> {
  const zeros = Object.fromEntries(counters.map((counter) => [counter, 0]));
  return { ...zeros, buckets: new Array<number>(buckets).fill(0) } as unknown as Totals<Counter>;
}

/** Rounds up to a power of two. */
function shardsFor(cpus: number | null): number {
  return Math.min(MAX_SHARDS, 2 ** Math.ceil(Math.log2(cpus ?? MAX_SHARDS)));
}
