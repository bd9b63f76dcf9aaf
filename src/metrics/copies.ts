/** The histograms of one collection, for a reader that writes them while their totals go on. */
import type { HrTime } from '@opentelemetry/api';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import type { Exemplar } from './exemplar.ts';
import { KernelHistogram, type Shape } from './histogram.ts';
import { type Series, startOf } from './storage.ts';

const MAX_UINT32 = 2 ** 32 - 1;

/**
 * Copies of what is not 0, close together. A collection outlives the young generation: objects for each point would
 * stay until V8 looks through all of its memory.
 */
class Copies {
  readonly #shape: Shape;
  readonly #endTime: HrTime;
  readonly #all: readonly Series[];
  readonly #sums: Float64Array;
  /** Of each histogram, its first bucket that is not 0. */
  readonly #firsts: Uint16Array;
  /** Of each histogram, the end of its counts in {@link #counts}. */
  readonly #ends: Uint32Array;
  readonly #counts: Float64Array | Uint32Array;
  /** Of the few histograms that have some. */
  readonly #exemplars = new Map<number, readonly Exemplar[]>();

  constructor(all: readonly Series[], endTime: HrTime, shape: Shape) {
    this.#shape = shape;
    this.#endTime = endTime;
    this.#all = all;
    this.#sums = new Float64Array(all.length);
    this.#firsts = new Uint16Array(all.length);
    this.#ends = new Uint32Array(all.length);
    let size = 0;
    let isSmall = true;
    for (let index = 0; index < all.length; index++) {
      const series = all[index] as Series;
      const { totals, exemplars = [] } = series;
      if (exemplars.length > 0) this.#exemplars.set(index, exemplars);
      startOf(series, endTime);
      let from = 1;
      let to = totals.length;
      while (from < to && totals[from] === 0) from++;
      while (from < to && totals[to - 1] === 0) to--;
      for (let bucket = from; bucket < to; bucket++) if ((totals[bucket] ?? 0) > MAX_UINT32) isSmall = false;
      size += to - from;
      this.#sums[index] = totals[0] ?? 0;
      this.#firsts[index] = from - 1;
      this.#ends[index] = size;
    }
    this.#counts = isSmall ? new Uint32Array(size) : new Float64Array(size);
    for (let index = 0; index < all.length; index++) {
      const { totals } = all[index] as Series;
      const { at, first, length } = this.#place(index);
      for (let bucket = 0; bucket < length; bucket++) this.#counts[at + bucket] = totals[1 + first + bucket] ?? 0;
    }
  }

  point(index: number): DataPoint<KernelHistogram> {
    const { attributes, startTime } = this.#all[index] as Series;
    const counts = { numbers: this.#counts, ...this.#place(index) };
    return {
      attributes,
      startTime,
      endTime: this.#endTime,
      value: new KernelHistogram(this.#sums[index] ?? 0, counts, this.#shape, this.#exemplars.get(index)),
    };
  }

  #place(index: number): { at: number; first: number; length: number } {
    const at = index === 0 ? 0 : (this.#ends[index - 1] ?? 0);
    return { at, first: this.#firsts[index] ?? 0, length: (this.#ends[index] ?? 0) - at };
  }
}

/** The points of the series as they are now, each made when it is asked for. */
export function copyPoints(all: readonly Series[], endTime: HrTime, shape: Shape): DataPoint<KernelHistogram>[] {
  const copies = new Copies(all, endTime, shape);
  const { length } = all;
  const isIndex = (key: string | symbol): boolean =>
    typeof key === 'string' && key >= '0' && key < ':' && Number(key) < length;
  return new Proxy<DataPoint<KernelHistogram>[]>([], {
    get(target, key) {
      if (isIndex(key)) return copies.point(Number(key));
      return key === 'length' ? length : Reflect.get(target, key);
    },
    has: (target, key) => isIndex(key) || Reflect.has(target, key),
  });
}
