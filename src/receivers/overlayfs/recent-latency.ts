/** The latency of the last minute, from differences between counts. */
import type { CgroupTotals } from './counts.ts';
import { OPS, type Op } from './operations.ts';

/** The window, and the interval of kept counts, in ms. */
const WINDOW_MS = 60_000;
export const KEEP_MS = 15_000;

type Counts = ReadonlyMap<string, CgroupTotals['operations']>;

export class RecentLatency {
  readonly #read: () => readonly CgroupTotals[];
  readonly #boundsNs: readonly number[];
  #kept: { readonly counts: Counts; readonly atMs: number }[] = [];

  /** @param boundsNs the upper bounds of the buckets in `read` */
  constructor(read: () => readonly CgroupTotals[], boundsNs: readonly number[]) {
    this.#read = read;
    this.#boundsNs = boundsNs;
  }

  /** Keeps the current counts. Call every {@link KEEP_MS}. */
  keep(nowMs: number): void {
    const start = this.#startOfWindow(nowMs);
    if (start > 0) this.#kept.splice(0, start);
    const counts = new Map(this.#read().map(({ key, operations }) => [key, operations] as const));
    this.#kept.push({ counts, atMs: nowMs });
  }

  /**
   * The p99 in µs of a cgroup's operations in the last minute, or since the start if that is shorter, rounded up to a
   * bucket's bound; the highest bound stands for everything above. Absent without operations.
   */
  p99Us(cgroupId: bigint, nowMs: number): Partial<Record<Op, number>> {
    const totals = this.#read().find((each) => each.cgroupId === cgroupId);
    if (totals === undefined) return {};
    // A newer cgroup has no earlier counts.
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

  /** The index of the latest counts that are at least a window old; -1 without any. */
  #startOfWindow(nowMs: number): number {
    return this.#kept.findLastIndex(({ atMs }) => nowMs - atMs >= WINDOW_MS);
  }
}

/** The upper bound of the quantile's bucket; undefined without counts. */
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
