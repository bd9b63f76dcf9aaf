/** OTLP over gRPC, pushed to a collector. */
import type { ChannelCredentials } from '@grpc/grpc-js';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { metadataOf } from './grpc.ts';
import { createPushReader, type OtlpOptions, TEMPORALITIES } from './push.ts';

export interface OtlpGrpcOptions extends OtlpOptions {
  /** undefined: what OTEL_EXPORTER_OTLP_CERTIFICATE and its kin say. */
  readonly credentials?: ChannelCredentials | undefined;
}

export function createOtlpReader(options: OtlpGrpcOptions): MetricReader {
  const { endpoint, credentials, headers = {}, temporality, timeoutMs } = options;
  const exporter = new OTLPMetricExporter({
    ...(endpoint === '' ? {} : { url: endpoint }),
    ...(credentials !== undefined && { credentials }),
    metadata: metadataOf(headers),
    temporalityPreference: TEMPORALITIES[temporality],
    timeoutMillis: timeoutMs,
  });
  return createPushReader(exporter, options);
}
