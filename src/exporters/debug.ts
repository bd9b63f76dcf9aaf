/** Metrics on standard output, to debug the configuration. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { createPushReader, type PushOptions } from './otlp/push.ts';

export interface DebugOptions extends PushOptions {
  /** basic: one line that counts metrics and points; detailed: a line for each point. */
  readonly verbosity: 'basic' | 'detailed';
}

export function createDebugReader({ verbosity, ...options }: DebugOptions): MetricReader {
  // If the reader of the output is gone, only the export fails.
  process.stdout.off('error', ignore).on('error', ignore);
  const format = verbosity === 'basic' ? summarize : describe;
  return createPushReader(new DebugExporter(format), options);
}

function ignore(): void {}

class DebugExporter implements PushMetricExporter {
  readonly #format: (metrics: readonly MetricData[]) => string;

  constructor(format: (metrics: readonly MetricData[]) => string) {
    this.#format = format;
  }

  export({ scopeMetrics }: ResourceMetrics, done: (result: ExportResult) => void): void {
    const text = this.#format(scopeMetrics.flatMap(({ metrics }) => metrics));
    process.stdout.write(text, (error) => {
      done(error == null ? { code: ExportResultCode.SUCCESS } : { code: ExportResultCode.FAILED, error });
    });
  }

  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

function summarize(metrics: readonly MetricData[]): string {
  const points = metrics.reduce((count, { dataPoints }) => count + dataPoints.length, 0);
  return `metrics: ${metrics.length}, points: ${points}\n`;
}

/** A line for each point, with attributes in Prometheus' notation and without empty buckets. */
export function describe(metrics: readonly MetricData[]): string {
  return metrics
    .flatMap((metric) => {
      const values = valuesOf(metric);
      return metric.dataPoints.map(({ attributes }, index) => {
        const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
        return `${metric.descriptor.name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${values[index]}\n`;
      });
    })
    .join('');
}

function valuesOf(metric: MetricData): string[] {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return metric.dataPoints.map(({ value }) => String(value));
    case DataPointType.HISTOGRAM:
      return metric.dataPoints.map(({ value: { count, sum, buckets } }) => {
        const filled = buckets.counts.flatMap((held, at) =>
          held > 0 ? [` (${buckets.boundaries[at - 1] ?? 0},${buckets.boundaries[at] ?? '+Inf'}]=${held}`] : [],
        );
        return `count=${count} sum=${sum ?? 'unknown'}${filled.join('')}`;
      });
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return metric.dataPoints.map(({ value: { count, sum } }) => `count=${count} sum=${sum ?? 'unknown'}`);
  }
}
