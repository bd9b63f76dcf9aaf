/** OTLP over gRPC, pushed to a collector. */
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { type Connection, grpcDestination } from './connection.ts';
import { logsExporter, metricsExporter } from './exporter.ts';
import { GrpcTransport } from './grpc-transport.ts';
import type { LogExporter } from './logs.ts';
import { createPushReader, type OtlpOptions } from './push.ts';

export function createOtlpReader(options: OtlpOptions): MetricReader {
  const transport = new GrpcTransport(grpcDestination(options, 'metrics'), 'metrics');
  return createPushReader(metricsExporter(transport, options.isByContainer), options);
}

export function createOtlpLogExporter(connection: Connection): LogExporter {
  const transport = new GrpcTransport(grpcDestination(connection, 'logs'), 'logs');
  return logsExporter(transport, connection.isByContainer);
}
