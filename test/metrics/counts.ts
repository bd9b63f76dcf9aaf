/** What the kernel would count, made up: members, sources that give them, and readable answers. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { Histogram, MetricData, MetricProducer, ViewOptions } from '@opentelemetry/sdk-metrics';
import type { ViewConfig } from '../../src/config/view.ts';
import { viewOptions } from '../../src/config/view-options.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import type { Grid } from '../../src/metrics/metric-data.ts';
import { MetricRegistry, type Sample, type Source } from '../../src/metrics/registry.ts';
import { latencyOf, metrics } from '../../src/receivers/overlayfs/metrics.ts';

export const ERRORS = metrics.errors;
export const LATENCY = latencyOf.read;

/** The kernel's grid of {@link LATENCY} in these tests: 1, 2, 4 and 8 µs. */
export const GRID_US = [1, 2, 4, 8];
export const GRID: Grid = { gridNs: GRID_US.map((us) => us * 1000), defaultBounds: GRID_US };

/** A source that tells what a test last put into `samples`. */
export class FakeSource implements Source {
  readonly metrics: readonly Metric[] = [ERRORS, LATENCY];
  samples: Sample[] = [];

  read(): Sample[] {
    return this.samples;
  }
}

export function errors(key: string, attributes: Attributes, count: number, startTime: HrTime = [100, 0]): Sample {
  return { metric: ERRORS, member: { key, attributes, startTime, totals: Float64Array.of(count) } };
}

/** @param buckets one count for each bound of the grid, and one for what is above */
export function latencies(
  key: string,
  attributes: Attributes,
  sumNs: number,
  buckets: readonly number[],
  startTime: HrTime = [100, 0],
): Sample {
  return { metric: LATENCY, member: { key, attributes, startTime, totals: Float64Array.of(sumNs, ...buckets) } };
}

/** A view of one metric, as the configuration writes it. */
export function view(metric: Metric, stream: ViewConfig['stream']): ViewConfig {
  return { selector: { instrument_name: metric.name }, stream };
}

/** Kernel metrics with one source, shaped by these views. */
export function registryOf(...views: ViewConfig[]): { registry: MetricRegistry; source: FakeSource } {
  return registryWith(viewOptions(views));
}

export function registryWith(views: readonly ViewOptions[]): { registry: MetricRegistry; source: FakeSource } {
  const registry = new MetricRegistry(views);
  const source = new FakeSource();
  registry.addSource(source, GRID);
  return { registry, source };
}

/** All metrics of one collection. Throws what went wrong in it. */
export async function collect(producer: MetricProducer): Promise<MetricData[]> {
  const { resourceMetrics, errors } = await producer.collect();
  if (errors.length > 0) throw new AggregateError(errors);
  return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
}

export function named(metrics: readonly MetricData[], name: string): MetricData {
  const found = metrics.find(({ descriptor }) => descriptor.name === name);
  if (found === undefined) throw new Error(`No metric is called ${name}`);
  return found;
}

/** `{ 'op=read': 5 }`: the values of a counter, or the counts of a histogram, by their attributes. */
export function valuesOf({ dataPoints }: MetricData): Record<string, number> {
  return Object.fromEntries(
    dataPoints.map(({ attributes, value }) => [
      labels(attributes),
      typeof value === 'number' ? value : (value as Histogram).count,
    ]),
  );
}

/** `{ 'op=read': [100, 0] }`: since when each series counts. */
export function startsOf({ dataPoints }: MetricData): Record<string, HrTime> {
  return Object.fromEntries(dataPoints.map(({ attributes, startTime }) => [labels(attributes), startTime]));
}

export function labels(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
}
