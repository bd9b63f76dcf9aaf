/** Pushes records to a collector as OpenTelemetry logs, and keeps them until the collector accepts them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AnyValue, type Logger, SeverityNumber } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import { LoggerProvider, type LogRecordProcessor, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { SCOPE } from '../../metrics/producer.ts';
import { errorOf } from '../../program/reason.ts';
import { otlpAttributes } from '../../records/encode.ts';
import type { TypedRecord } from '../../records/schema.ts';
import type { Outcome } from './exporter.ts';
import type { OnExport } from './push.ts';
import { retryDelayMs } from './retry-info.ts';

export interface LogExporter {
  export(records: ReadableLogRecord[], done: (outcome: Outcome) => void): void;
  shutdown(): Promise<void>;
}

export interface OtlpLogsOptions {
  /** How soon a failed export is repeated, in ms. */
  readonly intervalMs: number;
  readonly resource: Resource;
  readonly onExport: OnExport;
}

export interface OtlpLogs {
  emit(record: TypedRecord): void;
  /** The number of records in the queue. */
  waiting(): number;
  /** The number of records that were dropped or rejected. */
  dropped(): number;
  /** Takes over the queue of a stopped exporter. */
  resume(records: readonly ReadableLogRecord[]): void;
  /**
   * Exports the queue once more, until the deadline.
   *
   * @returns the records that are still in the queue
   */
  stop(deadlineMs: number): Promise<readonly ReadableLogRecord[]>;
}

export function createOtlpLogs(exporter: LogExporter, options: OtlpLogsOptions): OtlpLogs {
  const { intervalMs, resource, onExport } = options;
  const processor = new PatientProcessor(exporter, intervalMs, onExport);
  const provider = new LoggerProvider({ resource, processors: [processor] });
  const logger = provider.getLogger(SCOPE.name, SCOPE.version);
  return {
    emit: (record) => emit(logger, record),
    waiting: () => processor.waiting,
    dropped: () => processor.dropped,
    resume(records) {
      for (const record of records) processor.onEmit(record);
    },
    async stop(deadlineMs) {
      await Promise.race([processor.forceFlush(), sleep(deadlineMs, undefined, { ref: false })]);
      const rest = processor.takeRest();
      void provider.shutdown().catch(() => undefined); // closes the connection, when nothing is under way any more
      return rest;
    },
  };
}

function emit(logger: Logger, record: TypedRecord): void {
  const { schema, values } = record;
  logger.emit({
    eventName: schema.eventName,
    timestamp: new Date(values.time),
    severityNumber: SeverityNumber.WARN,
    severityText: 'WARN',
    body: schema.summaryOf(values),
    attributes: otlpAttributes(record) as Record<string, AnyValue>,
  });
}

/** Records come in bursts: the first one waits so long for others, in ms. */
const GATHER_MS = 200;
const MAX_WAITING = 1000;
const MAX_BATCH = 100;
/** Permanent errors of gRPC (INVALID_ARGUMENT) and HTTP. All other errors, also a wrong token, may be mended later. */
const REFUSED: ReadonlySet<unknown> = new Set([3, 400, 413, 422]);
/** Errors that a smaller batch may avoid: gRPC's RESOURCE_EXHAUSTED, also for too large messages, and HTTP's 413. */
const TOO_LARGE: ReadonlySet<unknown> = new Set([8, 413]);

/** The SDK's own processors drop the records of a failed export. */
export class PatientProcessor implements LogRecordProcessor {
  readonly #exporter: LogExporter;
  readonly #retryMs: number;
  readonly #onExport: OtlpLogsOptions['onExport'];
  #waiting: ReadableLogRecord[] = [];
  #timer: NodeJS.Timeout | null = null;
  #underWay: Promise<void> | null = null;
  #dropped = 0;
  #batchSize = MAX_BATCH;
  /** The delay that the collector asked for, in ms. */
  #askedMs = 0;

  constructor(exporter: LogExporter, retryMs: number, onExport: OtlpLogsOptions['onExport']) {
    this.#exporter = exporter;
    this.#retryMs = retryMs;
    this.#onExport = onExport;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  onEmit(record: ReadableLogRecord): void {
    this.#waiting.push(record);
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.splice(this.#waiting.findIndex(isOfMost(this.#waiting)), 1);
      this.#dropped++;
    }
    this.#wake(GATHER_MS);
  }

  async forceFlush(): Promise<void> {
    await this.#underWay;
    await this.#exportAll();
  }

  takeRest(): ReadableLogRecord[] {
    return this.#waiting.splice(0);
  }

  async shutdown(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.forceFlush();
    this.#dropped += this.#waiting.splice(0).length;
    await this.#exporter.shutdown();
  }

  #wake(ms: number): void {
    this.#timer ??= setTimeout(() => void this.#exportAll(), ms).unref();
  }

  /** One export at a time: two would send the same records. */
  #exportAll(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#underWay ??= this.#exportBatches().finally(() => {
      this.#underWay = null;
      if (this.#waiting.length > 0) this.#wake(Math.max(this.#retryMs, this.#askedMs));
    });
    return this.#underWay;
  }

  async #exportBatches(): Promise<void> {
    while (this.#waiting.length > 0 && (await this.#exportBatch()));
  }

  /** @returns whether another export may follow */
  async #exportBatch(): Promise<boolean> {
    const batch = this.#waiting.slice(0, this.#batchSize);
    const outcome = await new Promise<Outcome>((resolve) => this.#exporter.export(batch, resolve)).catch(
      (thrown: unknown): Outcome => ({ code: ExportResultCode.FAILED, error: errorOf(thrown) }),
    );
    const arrived = outcome.code === ExportResultCode.SUCCESS;
    const error = arrived ? null : (outcome.error ?? new Error('the exporter gives no reason'));
    const { code } = (error ?? {}) as { readonly code?: unknown };
    this.#askedMs = retryDelayMs(error) ?? 0;
    this.#onExport(error, outcome.verdict);
    if (batch.length > 1 && this.#askedMs === 0 && TOO_LARGE.has(code)) {
      this.#batchSize = Math.ceil(batch.length / 2);
      return true;
    }
    const isRefused = REFUSED.has(code);
    if (!arrived && !isRefused) return false;
    // Records may have been dropped meanwhile.
    const rest = this.#waiting.filter((record) => !batch.includes(record));
    if (isRefused) this.#dropped += this.#waiting.length - rest.length;
    this.#dropped += outcome.verdict?.rejected ?? 0;
    this.#waiting = rest;
    if (rest.length === 0) this.#batchSize = MAX_BATCH;
    return true;
  }
}

/** Whether a record is of the kind of which most wait: many slow operations push out no OOM kill. */
function isOfMost(waiting: readonly ReadableLogRecord[]): (record: ReadableLogRecord) => boolean {
  const counts = new Map<string | undefined, number>();
  for (const { eventName } of waiting) counts.set(eventName, (counts.get(eventName) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return ({ eventName }) => counts.get(eventName) === most;
}
