/** Pushes metrics at an interval. */
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

/** Called after each export; with the endpoint's verdict where it accepted the export. */
export type OnExport = (error: Error | null, verdict?: Verdict) => void;

export interface OtlpOptions extends PushOptions, Connection {}

interface Exporter {
  export(metrics: ResourceMetrics, done: (outcome: Outcome) => void): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** A reader that collects and exports at an interval, and once more at shutdown. */
export function createPushReader(exporter: Exporter, options: PushOptions): MetricReader {
  const { intervalMs, producers, onExport } = options;
  const retry = new Retry(intervalMs, () => void reader.forceFlush().catch(() => undefined));
  const reader = new PushReader(retry, {
    exporter: new WatchedExporter(exporter, retry, onExport),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: intervalMs, // the exporter's own timeout is shorter, and has a better message
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

  /** Exports once more, also while the collector asked for a delay. */
  protected override async onShutdown(): Promise<void> {
    this.#retry.stop();
    await super.onShutdown();
  }
}

/** Reports the outcome of each export, and repeats failed exports that may succeed. */
class WatchedExporter implements PushMetricExporter {
  readonly #exporter: Exporter;
  readonly #retry: Retry;
  readonly #onExport: OnExport;

  constructor(exporter: Exporter, retry: Retry, onExport: OnExport) {
    this.#exporter = exporter;
    this.#retry = retry;
    this.#onExport = onExport;
  }

  /** Reports every export as a success to the reader, which would log a failure a second time. */
  export(metrics: ResourceMetrics, done: (result: ExportResult) => void): void {
    const { heldMs } = this.#retry;
    if (heldMs > 0) {
      this.#onExport(new Error(`the collector asked for a delay, of which ${Math.ceil(heldMs / 1000)} s are left`));
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

  /** Only for instruments: producers already use their reader's temporality. */
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
