/** What the views make of a metric: one stream each, as the SDK's own meters would. */
import type { Attributes } from '@opentelemetry/api';
import { AggregationType, type ViewOptions } from '@opentelemetry/sdk-metrics';
import { keyOf, OVERFLOW } from './attributes.ts';
import type { Metric } from './catalogue.ts';

export interface Stream {
  readonly metric: Metric;
  readonly name: string;
  readonly description: string;
  /** Bucket bounds in the metric's unit; undefined: the receiver's own. */
  readonly bounds: readonly number[] | undefined;
  /** How many series at most, the overflow series among them. */
  readonly limit: number;
  /** The attributes that the view keeps. */
  keep(attributes: Attributes): Attributes;
  /** The view keeps nothing that tells one series from another: there is exactly one. */
  readonly plain: boolean;
  /** What the series of all that does not fit has. */
  readonly overflow: Attributes;
}

/** The streams of one metric: one per matching view, itself where none matches. Dropped ones are left out. */
export function streamsOf(metric: Metric, views: readonly ViewOptions[]): Stream[] {
  const matching = views.filter((view) => view.instrumentName === metric.name);
  if (matching.length === 0) return [streamOf(metric, {})];
  return matching
    .filter((view) => view.aggregation?.type !== AggregationType.DROP)
    .map((view) => streamOf(metric, view));
}

function streamOf(metric: Metric, view: ViewOptions): Stream {
  const { aggregation, attributesProcessors = [] } = view;
  const keep = (attributes: Attributes): Attributes =>
    attributesProcessors.reduce((kept, processor) => processor.process(kept), attributes);
  const all = Object.fromEntries(metric.attributes.map(({ name }) => [name, '']));
  return {
    metric,
    name: view.name ?? metric.name,
    description: view.description ?? metric.description,
    bounds:
      aggregation?.type === AggregationType.EXPLICIT_BUCKET_HISTOGRAM ? aggregation.options?.boundaries : undefined,
    limit: view.aggregationCardinalityLimit ?? Number.POSITIVE_INFINITY,
    keep,
    plain: keyOf(keep(all)) === keyOf(keep({})),
    overflow: { ...keep(OVERFLOW), ...OVERFLOW },
  };
}
