/** OTLP over HTTP, in protobuf, pushed to a collector. */
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { type Connection, httpDestination } from './connection.ts';
import { logsExporter, metricsExporter } from './exporter.ts';
import { HttpTransport } from './http-transport.ts';
import type { LogExporter } from './logs.ts';
import { createPushReader, type OtlpOptions } from './push.ts';

export function createOtlpHttpReader(options: OtlpOptions): MetricReader {
  const transport = new HttpTransport(httpDestination(options, 'metrics'));
  return createPushReader(metricsExporter(transport, options.isByContainer), options);
}

export function createOtlpHttpLogExporter(connection: Connection): LogExporter {
  return logsExporter(new HttpTransport(httpDestination(connection, 'logs')), connection.isByContainer);
}
