/** A histogram over the kernel's buckets, as OpenTelemetry's data model has it: folded when somebody reads it. */
import type { ExponentialHistogram, Histogram } from '@opentelemetry/sdk-metrics';
import { type ExponentialOptions, toExponential } from './exponential.ts';

/** What the histograms of one stream and one reader have in common. */
export interface Shape {
  /** How many counted parts of the sum make one unit. */
  readonly perUnit: number;
  /** Upper bounds in the metric's unit. */
  readonly boundaries: number[];
  /** From the kernel's buckets to those of `boundaries`. */
  readonly explicit: Fold;
  /** The same for an exponential histogram; absent where the reader wants none, or a view gives bounds. */
  readonly native?: { readonly fold: Fold; readonly options: ExponentialOptions };
}

/** As `foldTable` of buckets.ts makes it. */
export type Fold = readonly number[];

/** Immutable: the counts are those of one collection. Nothing that a getter makes is kept. */
export class KernelHistogram implements Histogram {
  readonly #counted: Float64Array;
  readonly #at: number;
  readonly #shape: Shape;

  /** @param counted has `[sum, ...buckets]` of this histogram from `at` on */
  constructor(counted: Float64Array, at: number, shape: Shape) {
    this.#counted = counted;
    this.#at = at;
    this.#shape = shape;
  }

  get sum(): number {
    return (this.#counted[this.#at] ?? 0) / this.#shape.perUnit;
  }

  get count(): number {
    const end = this.#at + 1 + this.#shape.explicit.length;
    let count = 0;
    for (let at = this.#at + 1; at < end; at++) count += this.#counted[at] ?? 0;
    return count;
  }

  get buckets(): Histogram['buckets'] {
    // OpenTelemetry's serializer asks again for each bucket.
    if (last?.histogram !== this) {
      const { boundaries, explicit } = this.#shape;
      last = { histogram: this, buckets: { boundaries, counts: folded(this.#counted, this.#at + 1, explicit) } };
    }
    return last.buckets;
  }

  /** undefined where a view gives bounds, and for readers that want none. */
  get exponential(): ExponentialHistogram | undefined {
    const { native } = this.#shape;
    return native && toExponential(folded(this.#counted, this.#at + 1, native.fold), this.sum, native.options);
  }
}

/** The one whose buckets were asked for last. */
let last: { readonly histogram: Histogram; readonly buckets: Histogram['buckets'] } | undefined;

/**
 * Adds up what is in each bucket of a fold.
 *
 * @param first the index of the kernel's first bucket in `counted`
 */
export function folded(counted: Float64Array, first: number, fold: Fold): number[] {
  const counts = new Array<number>((fold.at(-1) ?? 0) + 1).fill(0);
  for (let bucket = 0; bucket < fold.length; bucket++) {
    const coarse = fold[bucket] ?? 0;
    counts[coarse] = (counts[coarse] ?? 0) + (counted[first + bucket] ?? 0);
  }
  return counts;
}
