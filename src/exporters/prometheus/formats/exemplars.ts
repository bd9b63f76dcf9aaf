/** Which exemplars of a histogram are written, and what of them. */
import type { Attributes } from '@opentelemetry/api';
import type { ExponentialHistogram, Histogram } from '@opentelemetry/sdk-metrics';
import type { Exemplar } from '../../../metrics/exemplar.ts';

/** A histogram that may have exponential buckets and exemplars. */
export interface ScrapedHistogram extends Histogram {
  readonly exponential?: ExponentialHistogram | undefined;
  /** Oldest first. */
  readonly exemplars?: readonly Exemplar[];
}

/** What a scraper may see of an exemplar. */
export type Shown = (exemplar: Exemplar) => Attributes;

export const ALL: Shown = ({ attributes }) => attributes;
export const PUBLIC: Shown = ({ publicAttributes }) => publicAttributes;

/** By the number of a bucket, its latest exemplar. Values above the last bound are in the bucket after it. */
export function byBucket(
  exemplars: readonly Exemplar[],
  boundaries: readonly number[],
): ReadonlyMap<number, Exemplar> | null {
  if (exemplars.length === 0) return null;
  return new Map(
    exemplars.map((exemplar) => {
      const bucket = boundaries.findIndex((bound) => exemplar.value <= bound);
      return [bucket < 0 ? boundaries.length : bucket, exemplar];
    }),
  );
}
