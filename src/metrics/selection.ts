/** Which metrics a view selects, and under which names they leave: what can be said without the SDK. */
import type { ViewConfig } from '../config/schema.ts';
import { matches } from '../wildcard.ts';
import { allMetrics, type Metric } from './catalogue.ts';

/** The metrics a view selects: `*` stands for any run of characters, `?` for one. */
export function selectedBy(view: ViewConfig): Metric[] {
  return allMetrics.filter(({ name }) => matches(view.selector.instrument_name, name));
}

/** Names that two streams would share in Prometheus, which would make every scrape invalid. */
export function sharedNames(views: readonly ViewConfig[]): string[] {
  const names = allMetrics.flatMap((metric) => {
    const matching = views.filter((view) => selectedBy(view).includes(metric));
    if (matching.length === 0) return [metric.name];
    return matching
      .filter(({ stream }) => stream.aggregation?.drop === undefined)
      .map(({ stream }) => prometheusName(stream.name ?? metric.name, metric));
  });
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

/** The serializer ends every counter's name in `_total`. */
function prometheusName(name: string, { kind }: Metric): string {
  return kind === 'counter' && !name.endsWith('_total') ? `${name}_total` : name;
}
