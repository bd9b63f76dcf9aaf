/** From the views of the configuration to the SDK's ViewOptions, one per view and metric it selects. */
import {
  AggregationType,
  createAllowListAttributesProcessor,
  createDenyListAttributesProcessor,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics';
import type { ViewConfig } from '../config/schema.ts';
import type { Metric } from './catalogue.ts';
import { selectedBy } from './selection.ts';

/**
 * Every metric is named: a pattern is resolved here, so that the kernel's metrics and the SDK's instruments
 * understand it alike (the SDK knows only one `*`).
 */
export function viewOptions(views: readonly ViewConfig[]): ViewOptions[] {
  return views.flatMap((view) => selectedBy(view).map((metric) => optionsOf(view, metric)));
}

function optionsOf({ stream }: ViewConfig, metric: Metric): ViewOptions {
  const { included, excluded } = stream.attribute_keys ?? {};
  const processors = [
    ...(included === undefined ? [] : [createAllowListAttributesProcessor(included)]),
    ...(excluded === undefined ? [] : [createDenyListAttributesProcessor(excluded)]),
  ];
  const boundaries = stream.aggregation?.explicit_bucket_histogram?.boundaries;
  const options: ViewOptions = { instrumentName: metric.name, attributesProcessors: processors };
  if (stream.name !== undefined) options.name = stream.name;
  if (stream.description !== undefined) options.description = stream.description;
  if (stream.aggregation_cardinality_limit !== undefined) {
    options.aggregationCardinalityLimit = stream.aggregation_cardinality_limit;
  }
  if (stream.aggregation?.drop !== undefined) options.aggregation = { type: AggregationType.DROP };
  else if (boundaries !== undefined && metric.kind === 'histogram') {
    options.aggregation = {
      type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
      options: { boundaries, recordMinMax: false },
    };
  }
  return options;
}
