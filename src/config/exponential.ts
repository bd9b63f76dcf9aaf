/** Whether anything is to be exported in exponential histograms, and how. */
import type { ExponentialOptions } from '../metrics/exponential.ts';
import type { Config } from './schema.ts';

/** undefined: nothing is. */
export function exponentialOf({ exporters, service }: Config): ExponentialOptions | undefined {
  const { default_histogram_aggregation: aggregation, exponential } = exporters.otlp;
  if (aggregation === 'explicit_bucket_histogram' || !service.pipelines.metrics.exporters.includes('otlp')) return;
  return { maxScale: exponential.max_scale, maxSize: exponential.max_size };
}
