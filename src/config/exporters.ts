/** The exporters in the pipeline. */
import type { ExponentialOptions } from '../metrics/exponential.ts';
import type { OtlpType } from './otlp-variables.ts';
import { type Instance, instancesOf } from './pipeline.ts';
import type { Config, Exporters, ExporterType, OtlpConfig, PrometheusConfig, Settings } from './schema.ts';

export function exportersOf<T extends ExporterType>(
  { exporters, service }: Settings,
  type: T,
): Instance<Exporters[T]>[] {
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

/** As many buckets as the kernel can tell apart at this scale, so that none are ever merged. */
const NATIVE: ExponentialOptions = { maxScale: 3, maxSize: 320 };

/** The options of an exporter's native histograms; undefined for none. */
export function nativeOf({ native_histograms }: PrometheusConfig): ExponentialOptions | undefined {
  return native_histograms === 'off' ? undefined : NATIVE;
}

/** Whether an exporter has somewhere to send a signal to. */
export function isOn(
  { endpoint }: OtlpConfig,
  type: OtlpType,
  signal: 'metrics' | 'logs',
  { otlp }: Config['inherited'],
): boolean {
  return endpoint !== '' || otlp[signal].endpoints[type] !== null;
}
