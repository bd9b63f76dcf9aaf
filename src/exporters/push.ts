/** Pushes metrics at an interval, whatever by. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import {
  AggregationTemporality,
  type MetricProducer,
  type MetricReader,
  PeriodicExportingMetricReader,
  type PeriodicExportingMetricReaderOptions,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { errorOf } from '../reason.ts';
import type { Connection } from './connection.ts';
import { Retry } from './retry.ts';

export interface PushOptions {
  readonly intervalMs: number;
  /** How long one export may take, in ms, at most the interval; then it has failed. */
  readonly timeoutMs: number;
  readonly producers: MetricProducer[];
  readonly onExport: (error: Error | null) => void;
}

/** As OpenTelemetry's exporters number them. */
export const TEMPORALITIES = { delta: 0, cumulative: 1, lowmemory: 2 } as const;

export interface OtlpOptions extends PushOptions, Connection {
  readonly temporality: keyof typeof TEMPORALITIES;
}

/** A reader that collects and exports at its interval, and once more at its shutdown. */
export function createPushReader(exporter: PushMetricExporter, options: PushOptions): MetricReader {
  const { timeoutMs, intervalMs, producers, onExport } = options;
  const retry = new Retry(intervalMs, () => void reader.forceFlush().catch(() => undefined));
  const reader = new PushReader(retry, {
    exporter: new WatchedExporter(exporter, retry, onExport),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: producers,
  });
  return reader;
}

class PushReader extends PeriodicExportingMetricReader {
  readonly #retry: Retry;

  constructor(retry: Retry, options: PeriodicExportingMetricReaderOptions) {
    super(options);
    this.#retry = retry;
  }

  /** The last export is made, whatever was asked. */
  protected override async onShutdown(): Promise<void> {
    this.#retry.stop();
    await super.onShutdown();
  }
}

/** An exporter whose outcomes are told, and which is used again after those that are worth it. */
class WatchedExporter implements PushMetricExporter {
  readonly #exporter: PushMetricExporter;
  readonly #retry: Retry;
  readonly #onExport: PushOptions['onExport'];

  constructor(exporter: PushMetricExporter, retry: Retry, onExport: PushOptions['onExport']) {
    this.#exporter = exporter;
    this.#retry = retry;
    this.#onExport = onExport;
  }

  export(metrics: ResourceMetrics, done: (result: ExportResult) => void): void {
    const { heldMs } = this.#retry;
    if (heldMs > 0) {
      const error = new Error(`the collector asks to be left alone for ${Math.ceil(heldMs / 1000)} s more`);
      this.#onExport(error);
      done({ code: ExportResultCode.FAILED, error });
      return;
    }
    const ended = (result: ExportResult): void => {
      const failed = result.code !== ExportResultCode.SUCCESS;
      const error = failed ? (result.error ?? new Error('the exporter gives no reason')) : null;
      this.#retry.ended(error);
      this.#onExport(error);
      done(result);
    };
    try {
      this.#exporter.export(metrics, ended);
    } catch (thrown) {
      ended({ code: ExportResultCode.FAILED, error: errorOf(thrown) });
    }
  }

  selectAggregationTemporality(...args: Parameters<NonNullable<PushMetricExporter['selectAggregationTemporality']>>) {
    return this.#exporter.selectAggregationTemporality?.(...args) ?? AggregationTemporality.CUMULATIVE;
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush();
  }

  shutdown(): Promise<void> {
    this.#retry.stop();
    return this.#exporter.shutdown();
  }
}
