/** Single measurements beside the counts of a histogram: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exemplars */
import type { Attributes, HrTime } from '@opentelemetry/api';

export interface Exemplar {
  /** What is known of it beyond the attributes of its series. */
  readonly attributes: Attributes;
  /** What of it anyone may read who reaches an endpoint. */
  readonly publicAttributes: Attributes;
  /** In the unit of its metric. */
  readonly value: number;
  readonly time: HrTime;
}

/** The limit of the latest ones that a series has. */
export const MAX_EXEMPLARS = 4;

/** The latest of both, oldest first. Gives back what there was before where nothing is new. */
export function latestOf(before: readonly Exemplar[], now: readonly Exemplar[]): readonly Exemplar[] {
  if (now.every((exemplar) => before.includes(exemplar))) return before;
  return [...new Set([...before, ...now])].sort((a, b) => compare(a.time, b.time)).slice(-MAX_EXEMPLARS);
}

function compare(a: HrTime, b: HrTime): number {
  return a[0] - b[0] || a[1] - b[1];
}
