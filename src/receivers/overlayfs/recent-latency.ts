/** The latency of the last minute, from differences between counts. */
import { inSteps } from '../../program/steps.ts';
import type { Entry } from '../histograms.ts';
import { OPS, type Op } from './operations.ts';

/** The window, and the interval of kept counts, in ms. */
const WINDOW_MS = 60_000;
export const KEEP_MS = 15_000;

type Counted = Pick<Entry<Op, string>, 'key' | 'cgroupId' | 'version' | 'buckets'>;

export class RecentLatency {
  readonly #read: () => Iterable<Counted>;
  readonly #boundsNs: readonly number[];
  /** When counts were kept, since the start of the window. */
  #keptMs: number[] = [];
  readonly #kept = new Map<string, Kept>();

  /** @param boundsNs the upper bounds of the buckets in `read` */
  constructor(read: () => Iterable<Counted>, boundsNs: readonly number[]) {
    this.#read = read;
    this.#boundsNs = boundsNs;
  }

  /** Keeps the current counts. */
  keep(nowMs: number): void {
    for (const _ of this.#keeping(nowMs));
  }

  /** As {@link keep}, while everything else has its turn. Call every {@link KEEP_MS}. */
  async keepInSteps(nowMs: number): Promise<void> {
    await inSteps(this.#keeping(nowMs));
  }

  *#keeping(nowMs: number): Generator<void> {
    const startMs = this.#startOfWindow(nowMs);
    this.#keptMs = [...this.#keptMs.filter((ms) => ms >= startMs), nowMs];
    for (const { key, version, buckets } of this.#read()) {
      const kept = this.#kept.get(key) ?? new Kept();
      this.#kept.set(key, kept);
      kept.keep(nowMs, startMs, version, buckets);
      yield;
    }
    for (const [key, { lastMs }] of this.#kept) if (lastMs !== nowMs) this.#kept.delete(key);
  }

  /**
   * The p99 in µs of a cgroup's operations in the last minute, or since the start if that is shorter, rounded up to a
   * bucket's bound; the highest bound stands for everything above. Absent without operations.
   */
  p99Us(cgroupId: bigint, nowMs: number): Partial<Record<Op, number>> {
    const result: Partial<Record<Op, number>> = {};
    const startMs = this.#startOfWindow(nowMs);
    for (const { cgroupId: id, key, buckets } of this.#read()) {
      if (id !== cgroupId) continue;
      const before = this.#kept.get(key)?.at(startMs);
      for (const [op, counts] of buckets()) {
        const recent = before === undefined ? counts : since(before, op, counts);
        const boundNs = quantile(recent, this.#boundsNs, 0.99);
        if (boundNs !== undefined) result[op] = boundNs / 1000;
      }
    }
    return result;
  }

  /** When counts were kept that are at least a window old; before everything without any. */
  #startOfWindow(nowMs: number): number {
    return this.#keptMs.findLast((ms) => nowMs - ms >= WINDOW_MS) ?? Number.NEGATIVE_INFINITY;
  }
}

/** The counts of a cgroup when they were kept, as far as they had changed. */
class Kept {
  lastMs = Number.NaN;
  #version = Number.NaN;
  readonly #changes: { readonly atMs: number; readonly numbers: Uint32Array }[] = [];

  keep(nowMs: number, startMs: number, version: number, buckets: Counted['buckets']): void {
    this.lastMs = nowMs;
    if (version === this.#version) return;
    this.#version = version;
    this.#changes.splice(
      0,
      this.#changes.findLastIndex(({ atMs }) => atMs <= startMs),
    );
    this.#changes.push({ atMs: nowMs, numbers: numbersOf(buckets()) });
  }

  /** undefined for a cgroup that is newer. */
  at(ms: number): Uint32Array | undefined {
    return this.#changes.findLast(({ atMs }) => atMs <= ms)?.numbers;
  }
}

/**
 * For each operation its index in OPS, the first bucket that is not 0, how many buckets follow, and the lowest 32 bits of
 * their counts: a minute has fewer operations than that.
 */
function numbersOf(all: Iterable<readonly [Op, Float64Array]>): Uint32Array {
  const numbers: number[] = [];
  for (const [op, buckets] of all) {
    const from = buckets.findIndex((count) => count !== 0);
    const used = from < 0 ? [] : buckets.subarray(from, buckets.findLastIndex((count) => count !== 0) + 1);
    numbers.push(OPS.indexOf(op), Math.max(from, 0), used.length);
    for (const count of used) numbers.push(count >>> 0);
  }
  return Uint32Array.from(numbers);
}

/** What `buckets` have more. @param before of {@link numbersOf} */
function since(before: Uint32Array, op: Op, buckets: Float64Array): Float64Array {
  const at = (index: number): number => before[index] ?? 0;
  let start = 0;
  while (start < before.length && OPS[at(start)] !== op) start += 3 + at(start + 2);
  const from = at(start + 1);
  const to = from + at(start + 2);
  return buckets.map((count, bucket) => {
    const isKept = bucket >= from && bucket < to;
    return isKept ? (count - at(start + 3 + bucket - from)) >>> 0 : count;
  });
}

/** The upper bound of the quantile's bucket; undefined without counts. */
function quantile(buckets: Float64Array, bounds: readonly number[], share: number): number | undefined {
  const wanted = share * buckets.reduce((sum, count) => sum + count, 0);
  if (wanted === 0) return undefined;
  let seen = 0;
  const index = buckets.findIndex((count) => {
    seen += count;
    return seen >= wanted;
  });
  return bounds[index] ?? bounds.at(-1);
}
