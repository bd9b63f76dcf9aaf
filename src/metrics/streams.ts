/** Applies views to a metric: one stream for each view, as the SDK's meters do. */
import type { Attributes } from '@opentelemetry/api';
import { AggregationType, type ViewOptions } from '@opentelemetry/sdk-metrics';
import { keyOf, OVERFLOW } from './attributes.ts';
import type { Metric } from './catalogue.ts';

const US_PER_S = 1e6;

/** A view, and whether its stream is in seconds in place of microseconds. */
export interface StreamOptions extends ViewOptions {
  unit?: 's';
}

export interface Stream {
  readonly metric: Metric;
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  /** How many of the metric's own units make one of the stream's. */
  readonly ownPerUnit: number;
  /** Bucket bounds in the metric's own unit; undefined for the receiver's default. */
  readonly bounds: readonly number[] | undefined;
  /** The cardinality limit, including the overflow series. */
  readonly limit: number;
  /** The attributes that the view keeps. */
  keep(attributes: Attributes): Attributes;
  /** Whether members with different attributes always have series of their own. */
  readonly isSeparate: boolean;
  /** Whether the view keeps no attribute, so that there is exactly one series. */
  readonly plain: boolean;
  /** The attributes of the overflow series. */
  readonly overflow: Attributes;
}

/** The streams of a metric: one for each matching view without dropped ones, or the metric itself if none matches. */
export function streamsOf(metric: Metric, views: readonly StreamOptions[]): Stream[] {
  const matching = views.filter((view) => view.instrumentName === metric.name);
  if (matching.length === 0) return [streamOf(metric, {})];
  return matching
    .filter((view) => view.aggregation?.type !== AggregationType.DROP)
    .map((view) => streamOf(metric, view));
}

function streamOf(metric: Metric, view: StreamOptions): Stream {
  const { aggregation, attributesProcessors = [], unit = metric.unit } = view;
  const keep = (attributes: Attributes): Attributes =>
    attributesProcessors.reduce((kept, processor) => processor.process(kept), attributes);
  const all = Object.fromEntries(metric.attributes.map(({ name }) => [name, '']));
  return {
    metric,
    name: view.name ?? metric.name,
    description: view.description ?? metric.description,
    unit,
    ownPerUnit: unit === metric.unit ? 1 : US_PER_S,
    bounds:
      aggregation?.type === AggregationType.EXPLICIT_BUCKET_HISTOGRAM ? aggregation.options?.boundaries : undefined,
    limit: view.aggregationCardinalityLimit ?? Number.POSITIVE_INFINITY,
    keep,
    isSeparate: attributesProcessors.length === 0 && view.aggregationCardinalityLimit === undefined,
    plain: keyOf(keep(all)) === keyOf(keep({})),
    overflow: { ...keep(OVERFLOW), ...OVERFLOW },
  };
}
