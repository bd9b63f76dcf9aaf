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

/** Nothing that a getter makes is kept. */
export class KernelHistogram implements Histogram {
  readonly #shape: Shape;
  readonly #counted: Float64Array;
  /** Where the sum is; behind it are the counts of some of the kernel's buckets, the others are 0. */
  readonly #at: number;
  readonly #first: number;
  readonly #length: number;

  /**
   * @param counted has from `at` on the sum, and the counts of `length` buckets of the kernel, `first` being the first;
   * without these, the counts of all
   */
  constructor(shape: Shape, counted: Float64Array, at = 0, first = 0, length = shape.explicit.length) {
    this.#shape = shape;
    this.#counted = counted;
    this.#at = at;
    this.#first = first;
    this.#length = length;
  }

  /** The memory of its counts. */
  get bytes(): number {
    return (1 + this.#length) * Float64Array.BYTES_PER_ELEMENT;
  }

  get sum(): number {
    return (this.#counted[this.#at] ?? 0) / this.#shape.perUnit;
  }

  get count(): number {
    let count = 0;
    for (let bucket = 1; bucket <= this.#length; bucket++) count += this.#counted[this.#at + bucket] ?? 0;
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

  /** undefined where a view gives bounds, and for readers that want none. */
  get exponential(): ExponentialHistogram | undefined {
    const { native } = this.#shape;
    return native && this.toExponential(native);
  }

  toExponential({ fold, options }: NativeShape): ExponentialHistogram {
    return toExponential(this.#folded(fold), this.sum, options);
  }

  #folded(fold: Fold): number[] {
    const counts = new Array<number>((fold.at(-1) ?? 0) + 1).fill(0);
    const first = this.#at + 1;
    for (let bucket = 0; bucket < this.#length; bucket++) {
      const coarse = fold[this.#first + bucket] ?? 0;
      counts[coarse] = (counts[coarse] ?? 0) + (this.#counted[first + bucket] ?? 0);
    }
    return counts;
  }
}

/** The one whose buckets were asked for last. */
let last: { readonly histogram: Histogram; readonly buckets: Histogram['buckets'] } | undefined;

const PIECE_NUMBERS = 8192;

/** The histograms of one collection: copies, close together, of what is not 0. */
export class Copies {
  #piece = new Float64Array(0);
  #taken = 0;
  /** How many numbers may still come. */
  #left: number;

  /** @param size the limit of numbers in all totals together */
  constructor(size: number) {
    this.#left = size;
  }

  /** @param totals `[sum, ...buckets]` */
  copy(shape: Shape, totals: Float64Array): KernelHistogram {
    let from = 1;
    let to = totals.length;
    while (from < to && totals[from] === 0) from++;
    while (from < to && totals[to - 1] === 0) to--;
    const at = this.#room(1 + to - from);
    this.#left -= totals.length;
    this.#piece[at] = totals[0] ?? 0;
    for (let index = from; index < to; index++) this.#piece[at + 1 + index - from] = totals[index] ?? 0;
    return new KernelHistogram(shape, this.#piece, at, from - 1, to - from);
  }

  #room(length: number): number {
    if (this.#taken + length > this.#piece.length) {
      this.#piece = new Float64Array(Math.max(length, Math.min(this.#left, PIECE_NUMBERS)));
      this.#taken = 0;
    }
    this.#taken += length;
    return this.#taken - length;
  }
}
