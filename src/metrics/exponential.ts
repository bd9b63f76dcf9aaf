/** Converts the kernel's counts to base-2 exponential histograms of OpenTelemetry's data model. */
import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics';

export interface ExponentialOptions {
  /** Each doubling has 2^maxScale buckets, where maxSize allows it. */
  readonly maxScale: number;
  /** The limit of buckets from the first to the last non-empty one; beyond it pairs of buckets are merged. */
  readonly maxSize: number;
}

/** The range of durations as powers of two in µs: 31 ns is faster than any system call, 134 s is a long time. */
const MIN_POWER = -5;
const MAX_POWER = 27;

/** Bucket i holds values above 2^(i / 2^scale) µs, up to and including 2^((i + 1) / 2^scale) µs. */
function firstIndex(scale: number): number {
  return Math.floor(MIN_POWER * 2 ** scale) - 1;
}

/**
 * Upper bounds of the buckets from {@link firstIndex} on, rounded down to whole ns, which changes no bucket of whole
 * ns.
 */
export function exponentialBoundsNs(scale: number): number[] {
  const first = firstIndex(scale);
  const last = Math.ceil(MAX_POWER * 2 ** scale) - 1;
  return Array.from({ length: last - first + 1 }, (_, at) => Math.floor(1000 * 2 ** ((first + at + 1) / 2 ** scale)));
}

/**
 * @param counts one for each of {@link exponentialBoundsNs}, and one for values above the last bound; those before
 *   `first` and behind the last one are 0
 */
export function toExponential(
  counts: readonly number[],
  sum: number,
  { maxScale, maxSize }: ExponentialOptions,
  first = 0,
): ExponentialHistogram {
  // Of every histogram at every scrape: with callbacks this takes three times as long.
  let [from, to, count] = [counts.length, 0, 0];
  for (let at = 0; at < counts.length; at++) {
    const here = counts[at] ?? 0;
    if (here === 0) continue;
    from = Math.min(from, at);
    to = at + 1;
    count += here;
  }
  let scale = maxScale;
  let positive =
    count === 0 ? NOTHING : { offset: firstIndex(maxScale) + first + from, bucketCounts: counts.slice(from, to) };
  while (positive.bucketCounts.length > maxSize) {
    positive = halved(positive);
    scale--;
  }
  return { sum, count, scale, zeroCount: 0, positive, negative: NOTHING };
}

type Buckets = ExponentialHistogram['positive'];

const NOTHING: Buckets = { offset: 0, bucketCounts: [] };

/** Converts to the next lower scale, where each bucket merges two. */
function halved({ offset, bucketCounts }: Buckets): Buckets {
  const lower = Math.floor(offset / 2);
  const merged: number[] = [];
  for (const [at, count] of bucketCounts.entries()) {
    const index = Math.floor((offset + at) / 2) - lower;
    merged[index] = (merged[index] ?? 0) + count;
  }
  return { offset: lower, bucketCounts: merged };
}
