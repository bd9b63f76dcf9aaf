/** OTLP over HTTP, in protobuf, pushed to a collector. */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { createPushReader, type OtlpOptions, TEMPORALITIES } from './push.ts';

export function createOtlpHttpReader(options: OtlpOptions): MetricReader {
  const { endpoint, headers = {}, temporality, timeoutMs } = options;
  const exporter = new OTLPMetricExporter({
    ...(endpoint === '' ? {} : { url: metricsUrl(endpoint) }),
    headers: { ...headers },
    temporalityPreference: TEMPORALITIES[temporality],
    timeoutMillis: timeoutMs,
  });
  return createPushReader(exporter, options);
}

/** As the collector's exporter of that name makes it of an endpoint. */
function metricsUrl(endpoint: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/metrics`;
  return url.href;
}
