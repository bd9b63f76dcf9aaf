/** How long reads and writes have taken lately: what came since a count that was kept some time ago. */
import type { CgroupTotals } from './counts.ts';
import { OPS, type Op } from './operations.ts';

/** How far back one looks, and how often counts are kept for that, in ms. */
const WINDOW_MS = 60_000;
export const KEEP_MS = 15_000;

type Counts = ReadonlyMap<string, CgroupTotals['operations']>;

export class RecentLatency {
  readonly #read: () => readonly CgroupTotals[];
  readonly #boundsNs: readonly number[];
  #kept: { readonly counts: Counts; readonly atMs: number }[] = [];

  /** @param boundsNs upper bounds of the buckets that `read` gives */
  constructor(read: () => readonly CgroupTotals[], boundsNs: readonly number[]) {
    this.#read = read;
    this.#boundsNs = boundsNs;
  }

  /** Keeps the counts as they are now. To be called every {@link KEEP_MS}. */
  keep(nowMs: number): void {
    const start = this.#startOfWindow(nowMs);
    if (start > 0) this.#kept.splice(0, start);
    const counts = new Map(this.#read().map(({ key, operations }) => [key, operations] as const));
    this.#kept.push({ counts, atMs: nowMs });
  }

  /**
   * The upper bound, in µs, that 99 of 100 operations of a cgroup in the last minute did not exceed, or since the start
   * where that is less long ago; the highest bound stands for all above. Absent for what was not done.
   */
  p99Us(cgroupId: bigint, nowMs: number): Partial<Record<Op, number>> {
    const totals = this.#read().find((each) => each.cgroupId === cgroupId);
    if (totals === undefined) return {};
    // A cgroup that was not there then has all its counts since.
    const before = this.#kept[this.#startOfWindow(nowMs)]?.counts.get(totals.key);
    const result: Partial<Record<Op, number>> = {};
    for (const op of OPS) {
      const { buckets } = totals.operations[op];
      const recent = buckets.map((count, i) => count - (before?.[op].buckets[i] ?? 0));
      const boundNs = quantile(recent, this.#boundsNs, 0.99);
      if (boundNs !== undefined) result[op] = boundNs / 1000;
    }
    return result;
  }

  /** The latest counts that are a whole window old, -1 when there are none yet. */
  #startOfWindow(nowMs: number): number {
    return this.#kept.findLastIndex(({ atMs }) => nowMs - atMs >= WINDOW_MS);
  }
}

/** The bound of the bucket in which the quantile lies; undefined without any counts. */
function quantile(buckets: readonly number[], bounds: readonly number[], share: number): number | undefined {
  const wanted = share * buckets.reduce((sum, count) => sum + count, 0);
  if (wanted === 0) return undefined;
  let seen = 0;
  const index = buckets.findIndex((count) => {
    seen += count;
    return seen >= wanted;
  });
  return bounds[index] ?? bounds.at(-1);
}
