/** Converts views and processors to the SDK's ViewOptions, one for each metric and view. */
import type { Attributes } from '@opentelemetry/api';
import {
  AggregationType,
  createAllowListAttributesProcessor,
  createDenyListAttributesProcessor,
} from '@opentelemetry/sdk-metrics';
import type { AttributeAction } from '../metrics/attribute-actions.ts';
import { applyActions } from '../metrics/attribute-actions.ts';
import type { Metric } from '../metrics/catalogue.ts';
import type { StreamOptions } from '../metrics/streams.ts';
import { allMetrics } from '../receivers/index.ts';
import { selectedBy } from './selection.ts';
import type { ViewConfig } from './view.ts';

/**
 * The options that views, and then processors, make for every metric. Patterns are resolved to names here, so that the
 * kernel's metrics and the SDK's instruments match alike (the SDK supports only a single `*`).
 */
export function viewOptions(views: readonly ViewConfig[], actions: readonly AttributeAction[] = []): StreamOptions[] {
  const everywhere = actions.length === 0 ? [] : [{ process: (all: Attributes) => applyActions(all, actions) }];
  return allMetrics.flatMap((metric) => {
    const selecting = views.filter((view) => selectedBy(view).includes(metric));
    if (selecting.length > 0) return selecting.map((view) => optionsOf(view, metric, everywhere));
    return everywhere.map((processor) => ({ instrumentName: metric.name, attributesProcessors: [processor] }));
  });
}

type AttributesProcessors = NonNullable<StreamOptions['attributesProcessors']>;

function optionsOf({ stream }: ViewConfig, metric: Metric, everywhere: AttributesProcessors): StreamOptions {
  const { included, excluded } = stream.attribute_keys ?? {};
  const processors = [
    ...(included === undefined ? [] : [createAllowListAttributesProcessor(included)]),
    ...(excluded === undefined ? [] : [createDenyListAttributesProcessor(excluded)]),
    ...everywhere,
  ];
  const boundaries = stream.aggregation?.explicit_bucket_histogram?.boundaries;
  const options: StreamOptions = { instrumentName: metric.name, attributesProcessors: processors };
  if (stream.name !== undefined) options.name = stream.name;
  if (stream.description !== undefined) options.description = stream.description;
  if (stream.unit !== undefined) options.unit = stream.unit;
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
