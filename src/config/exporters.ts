/** The exporters in the pipeline. */
import type { ExponentialOptions } from '../metrics/exponential.ts';
import { type Instance, instancesOf } from './pipeline.ts';
import type { Config, Exporters, ExporterType, OtlpConfig } from './schema.ts';

export function exportersOf<T extends ExporterType>({ exporters, service }: Config, type: T): Instance<Exporters[T]>[] {
  return instancesOf(exporters, service.pipelines.metrics.exporters, type);
}

/** The options of an exporter's exponential histograms; undefined for explicit buckets. */
export function exponentialOf({
  default_histogram_aggregation,
  exponential,
}: OtlpConfig): ExponentialOptions | undefined {
  if (default_histogram_aggregation === 'explicit_bucket_histogram') return;
  return { maxScale: exponential.max_scale, maxSize: exponential.max_size };
}
