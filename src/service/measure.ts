/** Floatie's measurements for a program with its own MeterProvider. */
import type { Meter } from '@opentelemetry/api';
import { AggregationTemporality, type MetricProducer, type ViewOptions } from '@opentelemetry/sdk-metrics';
import { attributeActions } from '../config/processors.ts';
import { secretsOf } from '../config/redact.ts';
import type { Config } from '../config/schema.ts';
import { viewOptions } from '../config/view-options.ts';
import { instrumentsOf } from '../metrics/observer.ts';
import { createProducer } from '../metrics/producer.ts';
import { MetricRegistry } from '../metrics/registry.ts';
import { Health, type Readiness } from '../program/health.ts';
import { createLogger, type Logger } from '../program/log.ts';
import { recordSchemas } from '../receivers/index.ts';
import { OOM_KILL } from '../receivers/oom/record-schema.ts';
import { type FlatRecord, flatten } from '../records/encode.ts';
import { Records } from '../records/records.ts';
import type { TypedRecord } from '../records/schema.ts';
import { startReceivers } from './receivers.ts';
import { observeSelf } from './self-metrics.ts';

export interface Measurement {
  /** The configuration's views, for the MeterProvider: they shape what {@link Measurement.observe} creates. */
  readonly views: ViewOptions[];
  /**
   * For the `metricProducers` of one metric reader; each reader needs its own. The producer applies the views to the
   * kernel's counts, because the SDK applies none to producers.
   *
   * @param temporality the temporality of the reader's exporter; cumulative loses no count in an outage
   */
  producer(temporality?: AggregationTemporality): MetricProducer;
  /** Creates the instruments about Floatie itself. */
  observe(meter: Meter): void;
  /** The state of the probes, with the reasons for ways to attach that failed. */
  readiness(): Readiness;
  /** The records of the last OOM kills, oldest first. */
  oomRecords(): readonly FlatRecord[];
  /** Calls `listener` with each further OOM kill. */
  onOomKill(listener: (record: FlatRecord) => void): void;
  /** Detaches and unloads everything. Collect once more before, for the latest counts. Safe to call twice. */
  stop(): void;
}

/**
 * Loads and attaches the configured receivers; the caller exports. Rejects with an error with cause and cure when
 * nothing can be measured. Nothing that it starts keeps the process alive.
 *
 * @param log the log for problems and OOM kills; stderr by default
 */
export async function startMeasuring(config: Config, log: Logger = defaultLog(config)): Promise<Measurement> {
  const views = viewOptions(config.views, attributeActions(config));
  const health = new Health(log);
  const registry = new MetricRegistry(views);
  const records = new Records(recordSchemas);
  const receivers = await startReceivers({ config, registry, records, health, log });
  return {
    views,
    producer: (temporality = AggregationTemporality.CUMULATIVE) => createProducer(registry, { temporality }),
    observe(meter) {
      const observer = instrumentsOf(meter);
      observeSelf(observer, health);
      receivers.observe(observer);
    },
    readiness: () => health.readiness(),
    oomRecords: () => records.seen.filter(isOomKill).map(flatten),
    onOomKill: (listener) => records.onAdd((record) => isOomKill(record) && listener(flatten(record))),
    stop: () => receivers.stop(),
  };
}

function isOomKill({ schema }: TypedRecord): boolean {
  return schema === OOM_KILL;
}

function defaultLog(config: Config): Logger {
  const { log_level, log_format } = config.service.telemetry;
  return createLogger(log_level, log_format, undefined, secretsOf(config));
}
