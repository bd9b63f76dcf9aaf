/** OTLP over HTTP, in protobuf, pushed to a collector. */
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import type { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import type { LogRecordExporter } from '@opentelemetry/sdk-logs';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { type Connection, createExporter } from './connection.ts';
import { createPushReader, type OtlpOptions, TEMPORALITIES } from './push.ts';

export function createOtlpHttpReader(options: OtlpOptions): MetricReader {
  const temporalityPreference = TEMPORALITIES[options.temporality];
  const exporter = createExporter(
    options,
    () => new OTLPMetricExporter({ ...httpOptions(options, 'metrics'), temporalityPreference }),
  );
  return createPushReader(exporter, options);
}

export function createOtlpHttpLogExporter(connection: Connection): LogRecordExporter {
  return createExporter(connection, () => new OTLPLogExporter(httpOptions(connection, 'logs')));
}

function httpOptions({ endpoint, headers, tls, compression = 'none', timeoutMs }: Connection, signal: string) {
  return {
    ...(endpoint !== '' && { url: urlOf(endpoint, signal) }),
    ...(tls !== undefined && { httpAgentOptions: { keepAlive: true, ...tls } }),
    headers: { ...headers },
    compression: compression as CompressionAlgorithm,
    timeoutMillis: timeoutMs,
  };
}

/** As the collector's exporter of that name makes it of an endpoint. */
function urlOf(endpoint: string, signal: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/${signal}`;
  return url.href;
}
