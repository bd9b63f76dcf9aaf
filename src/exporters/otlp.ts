/** OTLP over gRPC, pushed to a collector. */
import type { ChannelCredentials } from '@grpc/grpc-js';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import type {
  AggregationTemporality,
  InstrumentType,
  MetricReader,
  PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { version } from '../version.ts';
import { metadataOf, Reconnecting } from './grpc.ts';
import { createPushReader, type OtlpOptions, TEMPORALITIES } from './push.ts';

export interface OtlpGrpcOptions extends OtlpOptions {
  /** undefined: what OTEL_EXPORTER_OTLP_CERTIFICATE and its kin say. */
  readonly credentials?: ChannelCredentials | undefined;
}

export function createOtlpReader(options: OtlpGrpcOptions): MetricReader {
  const { endpoint, credentials, headers = {}, temporality, timeoutMs } = options;
  const create = (): OTLPMetricExporter =>
    new OTLPMetricExporter({
      ...(endpoint === '' ? {} : { url: endpoint }),
      ...(credentials !== undefined && { credentials }),
      metadata: metadataOf(headers),
      temporalityPreference: TEMPORALITIES[temporality],
      timeoutMillis: timeoutMs,
      userAgent: `Floatie/${version}`,
    });
  return createPushReader(new ReconnectingExporter(create), options);
}

class ReconnectingExporter extends Reconnecting<OTLPMetricExporter> implements PushMetricExporter {
  selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return this.exporter.selectAggregationTemporality(type);
  }
}
