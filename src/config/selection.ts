/** The metrics that a view selects, and their names in Prometheus, without loading the SDK. */

import type { Metric } from '../metrics/catalogue.ts';
import { allMetrics } from '../receivers/index.ts';
import { matches } from '../settings/wildcard.ts';
import type { ViewConfig } from './view.ts';

/** The metrics that a view selects: `*` stands for any run of characters, `?` for one. */
export function selectedBy(view: ViewConfig): Metric[] {
  return allMetrics.filter(({ name }) => matches(view.selector.instrument_name, name));
}

/** target_info, and the series that Prometheus adds itself: https://prometheus.io/docs/concepts/jobs_instances/ */
const TAKEN = new Set([
  ...['target_info', 'up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_series_added'],
  ...['scrape_samples_post_metric_relabeling', 'scrape_timeout_seconds', 'scrape_sample_limit'],
  ...['scrape_body_size_bytes', 'ALERTS', 'ALERTS_FOR_STATE'],
]);

/**
 * Names that two streams would share in Prometheus, which makes every scrape invalid, or a stream with Prometheus' own.
 */
export function sharedNames(views: readonly ViewConfig[]): string[] {
  const selections = views.map((view) => ({ ...view, selected: new Set(selectedBy(view)) }));
  const names = allMetrics.flatMap((metric) => {
    const matching = selections.filter(({ selected }) => selected.has(metric));
    if (matching.length === 0) return prometheusNames(metric.name, metric);
    return matching
      .filter(({ stream }) => stream.aggregation?.drop === undefined)
      .flatMap(({ stream }) => prometheusNames(stream.name ?? metric.name, metric));
  });
  const last = new Map(names.map((name, index) => [name, index]));
  const shared = new Set(names.filter((name, index) => TAKEN.has(name) || last.get(name) !== index));
  // Two histograms share all their names; only the first is worth a message.
  return [...shared].filter((name) => !shared.has(name.replace(HISTOGRAM, '')) || !HISTOGRAM.test(name));
}

const HISTOGRAM = /_(bucket|sum|count)$/;

/** The serializer ends a counter's name in `_total`; a histogram has the names of its parts. */
function prometheusNames(given: string, { kind }: Metric): string[] {
  const name = given.replaceAll('.', '_');
  if (kind === 'histogram') return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  return [kind === 'counter' && !name.endsWith('_total') ? `${name}_total` : name];
}
