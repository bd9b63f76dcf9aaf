/** The latency of the last minute, from differences between counts. */
import { inSteps } from '../../program/steps.ts';
import type { Buckets } from '../histograms.ts';
import { OPS, type Op } from './operations.ts';

/** The window, and the interval of kept counts, in ms. */
const WINDOW_MS = 60_000;
export const KEEP_MS = 15_000;

export class RecentLatency {
  readonly #read: () => Iterable<Buckets<Op>>;
  readonly #boundsNs: readonly number[];
  #kept: Kept[] = [];

  /** @param boundsNs the upper bounds of the buckets in `read` */
  constructor(read: () => Iterable<Buckets<Op>>, boundsNs: readonly number[]) {
    this.#read = read;
    this.#boundsNs = boundsNs;
  }

  /** Keeps the current counts. */
  keep(nowMs: number): void {
    const kept = new Kept(nowMs);
    for (const _ of kept.take(this.#read()));
    this.#push(kept);
  }

  /** As {@link keep}, while everything else has its turn. Call every {@link KEEP_MS}. */
  async keepInSteps(nowMs: number): Promise<void> {
    const kept = new Kept(nowMs);
    await inSteps(kept.take(this.#read()));
    this.#push(kept);
  }

  #push(kept: Kept): void {
    const start = this.#startOfWindow(kept.atMs);
    if (start > 0) this.#kept.splice(0, start);
    this.#kept.push(kept);
  }

  /**
   * The p99 in µs of a cgroup's operations in the last minute, or since the start if that is shorter, rounded up to a
   * bucket's bound; the highest bound stands for everything above. Absent without operations.
   */
  p99Us(cgroupId: bigint, nowMs: number): Partial<Record<Op, number>> {
    const result: Partial<Record<Op, number>> = {};
    for (const { cgroupId: id, key, op, buckets } of this.#read()) {
      if (id !== cgroupId) continue;
      const recent = this.#kept[this.#startOfWindow(nowMs)]?.since(key, op, buckets) ?? buckets;
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

/** The counts of all cgroups at one time, in their lowest 32 bits: a minute has fewer operations than that. */
class Kept {
  readonly atMs: number;
  /**
   * Where a cgroup's numbers begin, by key: the number of its operations, then for each of them its index in OPS, the
   * first bucket that is not 0, how many buckets follow, and their counts.
   */
  readonly #places = new Map<string, number>();
  #numbers = new Uint32Array(1024);
  #end = 0;

  constructor(atMs: number) {
    this.atMs = atMs;
  }

  *take(all: Iterable<Buckets<Op>>): Generator<void> {
    let latest = '';
    let place = 0;
    for (const { key, op, buckets } of all) {
      if (key !== latest) {
        latest = key;
        place = this.#end;
        this.#places.set(key, place);
        this.#room(1);
        this.#numbers[this.#end++] = 0;
      }
      this.#add(OPS.indexOf(op), buckets);
      this.#numbers[place] = (this.#numbers[place] ?? 0) + 1;
      yield;
    }
  }

  #room(length: number): void {
    if (this.#end + length <= this.#numbers.length) return;
    const larger = new Uint32Array(Math.ceil(1.5 * this.#numbers.length) + length);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  #add(index: number, buckets: Float64Array): void {
    this.#room(3 + buckets.length);
    const numbers = this.#numbers;
    let from = 0;
    let to = buckets.length;
    while (from < to && buckets[from] === 0) from++;
    while (from < to && buckets[to - 1] === 0) to--;
    numbers[this.#end++] = index;
    numbers[this.#end++] = from;
    numbers[this.#end++] = to - from;
    for (let bucket = from; bucket < to; bucket++) numbers[this.#end++] = (buckets[bucket] ?? 0) >>> 0;
  }

  /** What `buckets` have more; undefined for a cgroup that is newer. */
  since(key: string, op: Op, buckets: Float64Array): Float64Array | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const at = (index: number): number => this.#numbers[index] ?? 0;
    let start = place + 1;
    let left = at(place);
    for (; left > 0 && OPS[at(start)] !== op; left--) start += 3 + at(start + 2);
    const from = at(start + 1);
    const to = left > 0 ? from + at(start + 2) : from;
    return buckets.map((count, bucket) => {
      const isKept = bucket >= from && bucket < to;
      return isKept ? (count - at(start + 3 + bucket - from)) >>> 0 : count;
    });
  }
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
