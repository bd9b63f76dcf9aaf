/** The exporters in the pipeline: one by its type, or several called `type/name`. */
import { unionOfBounds } from '../metrics/buckets.ts';
import { type ExponentialOptions, exponentialBoundsNs } from '../metrics/exponential.ts';
import type { Config, Exporters, ExporterType, OtlpConfig } from './schema.ts';

export function exportersOf<T extends ExporterType>(
  { exporters, service }: Config,
  type: T,
): { name: string; settings: Exporters[T] }[] {
  const byName = exporters as unknown as Record<string, Exporters[T]>;
  return service.pipelines.metrics.exporters.flatMap((name) => {
    const settings = typeOf(name) === type ? byName[name] : undefined;
    return settings === undefined ? [] : [{ name, settings }];
  });
}

export function typeOf(name: string): ExporterType {
  return name.split('/')[0] as ExporterType;
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
