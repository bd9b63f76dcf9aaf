/** A histogram over the kernel's buckets, as OpenTelemetry's data model has it: folded when somebody reads it. */
import type { ExponentialHistogram, Histogram } from '@opentelemetry/sdk-metrics';
import type { Exemplar } from './exemplar.ts';
import { type ExponentialOptions, toExponential } from './exponential.ts';

/** What the histograms of one stream and one reader have in common. */
export interface Shape {
  /** How many counted parts of the sum make one unit. */
  readonly perUnit: number;
  /** How many of the metric's own units make one unit. */
  readonly ownPerUnit: number;
  /** Upper bounds in the metric's unit. */
  readonly boundaries: number[];
  /** From the kernel's buckets to those of `boundaries`. */
  readonly explicit: Fold;
  /** Absent where the reader wants none, or a view gives bounds. */
  readonly native?: NativeShape;
}

export interface NativeShape {
  /** From the kernel's buckets to those of the highest scale. */
  readonly fold: Fold;
  readonly options: ExponentialOptions;
}

/** As `foldTable` of buckets.ts makes it. */
export type Fold = readonly number[];

/** Some of the kernel's buckets; the others are 0. */
export interface Counts {
  readonly numbers: Float64Array | Uint32Array;
  /** Where the counts begin in `numbers`. */
  readonly at: number;
  /** Which of the kernel's buckets is the first one. */
  readonly first: number;
  readonly length: number;
}

/** Nothing that a getter makes is kept. */
export class KernelHistogram implements Histogram {
  readonly sum: number;
  readonly #counts: Counts;
  readonly #shape: Shape;
  readonly #exemplars: readonly Exemplar[];

  /**
   * @param sum in whole parts
   * @param exemplars oldest first
   */
  constructor(sum: number, counts: Counts, shape: Shape, exemplars: readonly Exemplar[] = []) {
    this.sum = sum / shape.perUnit;
    this.#counts = counts;
    this.#shape = shape;
    this.#exemplars = exemplars;
  }

  /** @param totals `[sum, ...buckets]` */
  static of(totals: Float64Array, shape: Shape): KernelHistogram {
    return new KernelHistogram(
      totals[0] ?? 0,
      { numbers: totals, at: 1, first: 0, length: shape.explicit.length },
      shape,
    );
  }

  /** The memory of its counts. */
  get bytes(): number {
    const { numbers, length } = this.#counts;
    return length * numbers.BYTES_PER_ELEMENT;
  }

  get count(): number {
    const { numbers, at, length } = this.#counts;
    let count = 0;
    for (let bucket = at; bucket < at + length; bucket++) count += numbers[bucket] ?? 0;
    return count;
  }

  get buckets(): Histogram['buckets'] {
    // OpenTelemetry's serializer asks again for each bucket.
    if (last?.histogram !== this) {
      const { boundaries, explicit } = this.#shape;
      last = { histogram: this, buckets: { boundaries, counts: this.#folded(explicit) } };
    }
    return last.buckets;
  }

  /** Oldest first. */
  get exemplars(): readonly Exemplar[] {
    const { ownPerUnit } = this.#shape;
    if (ownPerUnit === 1) return this.#exemplars;
    return this.#exemplars.map((exemplar) => ({ ...exemplar, value: exemplar.value / ownPerUnit }));
  }

  /** undefined where a view gives bounds, and for readers that want none. */
  get exponential(): ExponentialHistogram | undefined {
    const { native } = this.#shape;
    return native && this.toExponential(native);
  }

  toExponential({ fold, options }: NativeShape): ExponentialHistogram {
    const { first, length } = this.#counts;
    const [from, last] = [fold[first] ?? 0, fold[first + length - 1] ?? 0];
    return toExponential(this.#folded(fold, from, last), this.sum, options, from);
  }

  /** @param from the first bucket to return; all counts are from it to `last` */
  #folded(fold: Fold, from = 0, last = fold.at(-1) ?? 0): number[] {
    const { numbers, at, first, length } = this.#counts;
    const counts: number[] = [];
    for (let bucket = from; bucket <= last; bucket++) counts.push(0);
    for (let bucket = 0; bucket < length; bucket++) {
      const coarse = (fold[first + bucket] ?? 0) - from;
      counts[coarse] = (counts[coarse] ?? 0) + (numbers[at + bucket] ?? 0);
    }
    return counts;
  }
}

/** The one whose buckets were asked for last. */
let last: { readonly histogram: Histogram; readonly buckets: Histogram['buckets'] } | undefined;
