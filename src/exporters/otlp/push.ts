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
import type { Verdict } from '../../program/health.ts';
import { errorOf } from '../../program/reason.ts';
import type { Connection } from './connection.ts';
import type { Outcome } from './exporter.ts';
import { Retry } from './retry.ts';

export interface PushOptions {
  readonly intervalMs: number;
  readonly producers: MetricProducer[];
  readonly onExport: OnExport;
}

/** Told how each export ended, and what the endpoint says of one that it took. */
export type OnExport = (error: Error | null, verdict?: Verdict) => void;

export interface OtlpOptions extends PushOptions, Connection {}

/** What sends metrics, such as one of OpenTelemetry's exporters. */
interface Exporter {
  export(metrics: ResourceMetrics, done: (outcome: Outcome) => void): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** A reader that collects and exports at its interval, and once more at its shutdown. */
export function createPushReader(exporter: Exporter, options: PushOptions): MetricReader {
  const { intervalMs, producers, onExport } = options;
  const retry = new Retry(intervalMs, () => void reader.forceFlush().catch(() => undefined));
  const reader = new PushReader(retry, {
    exporter: new WatchedExporter(exporter, retry, onExport),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: intervalMs, // an exporter's own time is over before, which it tells
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
  readonly #exporter: Exporter;
  readonly #retry: Retry;
  readonly #onExport: OnExport;

  constructor(exporter: Exporter, retry: Retry, onExport: OnExport) {
    this.#exporter = exporter;
    this.#retry = retry;
    this.#onExport = onExport;
  }

  /** What ended badly is told: the reader, which would tell it once more, hears that it ended. */
  export(metrics: ResourceMetrics, done: (result: ExportResult) => void): void {
    const { heldMs } = this.#retry;
    if (heldMs > 0) {
      this.#onExport(new Error(`the collector asks to be left alone for ${Math.ceil(heldMs / 1000)} s more`));
      done({ code: ExportResultCode.SUCCESS });
      return;
    }
    const ended = ({ code, error: reason, verdict }: Outcome): void => {
      const failed = code !== ExportResultCode.SUCCESS;
      const error = failed ? (reason ?? new Error('the exporter gives no reason')) : null;
      this.#retry.ended(error);
      this.#onExport(error, verdict);
      done({ code: ExportResultCode.SUCCESS });
    };
    try {
      this.#exporter.export(metrics, ended);
    } catch (thrown) {
      ended({ code: ExportResultCode.FAILED, error: errorOf(thrown) });
    }
  }

  /** Of instruments; what producers give is as their reader wants it already. */
  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush();
  }

  shutdown(): Promise<void> {
    this.#retry.stop();
    return this.#exporter.shutdown();
  }
}
