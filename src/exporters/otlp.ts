/** OTLP over gRPC, pushed to a collector. */

import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { metadataOf } from './grpc.ts';
import { createPushReader, type OtlpOptions, TEMPORALITIES } from './push.ts';

export function createOtlpReader(options: OtlpOptions): MetricReader {
  const { endpoint, headers = {}, temporality, timeoutMs } = options;
  const exporter = new OTLPMetricExporter({
    ...(endpoint === '' ? {} : { url: endpoint }),
    metadata: metadataOf(headers),
    temporalityPreference: TEMPORALITIES[temporality],
    timeoutMillis: timeoutMs,
  });
  return createPushReader(exporter, options);
}
