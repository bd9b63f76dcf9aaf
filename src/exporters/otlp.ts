/** OTLP over gRPC, pushed to a collector. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import {
  AggregationTemporality,
  type MetricProducer,
  type MetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

/** As OpenTelemetry's exporters number them. */
const TEMPORALITIES = { delta: 0, cumulative: 1, lowmemory: 2 } as const;

export interface OtlpOptions {
  /** Empty: what OTEL_EXPORTER_OTLP_ENDPOINT and its kin say. */
  readonly endpoint: string;
  readonly intervalMs: number;
  /** How long one export may take, in ms; then it has failed. */
  readonly timeoutMs: number;
  readonly temporality: keyof typeof TEMPORALITIES;
  readonly producers: MetricProducer[];
  readonly onExport: (error: Error | null) => void;
}

/** A reader that collects and exports at its interval, and once more at its shutdown. */
export function createOtlpReader(options: OtlpOptions): MetricReader {
  const { endpoint, temporality, timeoutMs, intervalMs, producers, onExport } = options;
  const exporter = new OTLPMetricExporter({
    ...(endpoint === '' ? {} : { url: endpoint }),
    temporalityPreference: TEMPORALITIES[temporality],
    timeoutMillis: timeoutMs,
  });
  return new PeriodicExportingMetricReader({
    exporter: new WatchedExporter(exporter, onExport),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
    metricProducers: producers,
  });
}

/** An exporter whose outcomes are told. */
class WatchedExporter implements PushMetricExporter {
  readonly #exporter: PushMetricExporter;
  readonly #onExport: OtlpOptions['onExport'];

  constructor(exporter: PushMetricExporter, onExport: OtlpOptions['onExport']) {
    this.#exporter = exporter;
    this.#onExport = onExport;
  }

  export(metrics: ResourceMetrics, done: (result: ExportResult) => void): void {
    this.#exporter.export(metrics, (result) => {
      const failed = result.code !== ExportResultCode.SUCCESS;
      this.#onExport(failed ? (result.error ?? new Error('the exporter gives no reason')) : null);
      done(result);
    });
  }

  selectAggregationTemporality(...args: Parameters<NonNullable<PushMetricExporter['selectAggregationTemporality']>>) {
    return this.#exporter.selectAggregationTemporality?.(...args) ?? AggregationTemporality.CUMULATIVE;
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}
