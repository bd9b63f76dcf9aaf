/** The exporters in the pipeline. */
import { unionOfBounds } from '../metrics/buckets.ts';
import { type ExponentialOptions, exponentialBoundsNs } from '../metrics/exponential.ts';
import { type Instance, instancesOf } from './pipeline.ts';
import type { Config, Exporters, ExporterType, OtlpConfig } from './schema.ts';

export function exportersOf<T extends ExporterType>({ exporters, service }: Config, type: T): Instance<Exporters[T]>[] {
  return instancesOf(exporters, service.pipelines.metrics.exporters, type);
}

/** How an exporter wants its exponential histograms; undefined: it wants none. */
export function exponentialOf({
  default_histogram_aggregation,
  exponential,
}: OtlpConfig): ExponentialOptions | undefined {
  if (default_histogram_aggregation === 'explicit_bucket_histogram') return;
  return { maxScale: exponential.max_scale, maxSize: exponential.max_size };
}

/** The bounds on which the kernel has to count for the exponential histograms of all exporters. */
export function exponentialGridNs(config: Config): number[] {
  const exporters = [...exportersOf(config, 'otlp'), ...exportersOf(config, 'otlphttp')];
  const scales = exporters.flatMap(({ settings }) => exponentialOf(settings)?.maxScale ?? []);
  return unionOfBounds(scales.map(exponentialBoundsNs));
}
