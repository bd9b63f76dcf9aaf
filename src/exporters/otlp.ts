/** OTLP over gRPC, pushed to a collector. */
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import type { LogRecordExporter } from '@opentelemetry/sdk-logs';
import type {
  AggregationTemporality,
  InstrumentType,
  MetricReader,
  PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { version } from '../version.ts';
import { type Connection, createExporter } from './connection.ts';
import { grpcOptions, Reconnecting } from './grpc.ts';
import { createPushReader, type OtlpOptions, TEMPORALITIES } from './push.ts';

export function createOtlpReader(options: OtlpOptions): MetricReader {
  const temporalityPreference = TEMPORALITIES[options.temporality];
  const settings = { ...grpcOptions(options), temporalityPreference, userAgent: `Floatie/${version}` };
  const create = (): OTLPMetricExporter => createExporter(options, () => new OTLPMetricExporter(settings));
  return createPushReader(new ReconnectingExporter(create), options);
}

export function createOtlpLogExporter(connection: Connection): LogRecordExporter {
  // Not that of the metrics, whose connection it would share, and keep while it has nothing to send.
  const settings = { ...grpcOptions(connection), userAgent: `Floatie/${version} (logs)` };
  return new Reconnecting(() => createExporter(connection, () => new OTLPLogExporter(settings)));
}

class ReconnectingExporter extends Reconnecting<OTLPMetricExporter> implements PushMetricExporter {
  selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return this.exporter.selectAggregationTemporality(type);
  }
}
