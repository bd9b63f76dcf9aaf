/** Answers scrapes by OpenTelemetry's exporter: one collection for all scrapes that come meanwhile. */
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import type { MetricProducer, MetricReader } from '@opentelemetry/sdk-metrics';
import { Collection } from './collection.ts';
import { turn } from './turns.ts';

export interface ScrapesOptions {
  /** The timeout of a collection, in ms. */
  readonly timeoutMs: number;
  readonly producers: MetricProducer[];
  /** Native histograms have classic buckets besides. */
  readonly withClassic?: boolean;
  /** Called for each collection of which at least a part fails. */
  readonly onError: (error: unknown) => void;
}

/** How long to wait for the last collection of a replaced reader, in ms. */
const LAST_COLLECTION_MS = 3000;

/** The scrapes of one reader: one collection at a time for any number of scrapes. */
export class Scrapes {
  readonly reader: MetricReader;
  readonly #options: ScrapesOptions;
  #underWay: Promise<Collection> | null = null;

  constructor(options: ScrapesOptions) {
    this.#options = options;
    this.reader = new PrometheusExporter({ preventServerStart: true, metricProducers: options.producers });
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** Rejects at the timeout, or when a part could not be collected. */
  collection(): Promise<Collection> {
    // A collection goes on after the timeout, and no other one begins until it ends.
    this.#underWay ??= this.#collect().finally(() => {
      this.#underWay = null;
    });
    return withDeadline(this.#underWay, this.#options.timeoutMs);
  }

  /** Waits for a collection under way, LAST_COLLECTION_MS at most. */
  async settle(): Promise<void> {
    if (this.#underWay !== null) await withDeadline(this.#underWay, LAST_COLLECTION_MS).catch(() => undefined);
  }

  async #collect(): Promise<Collection> {
    const { timeoutMs, withClassic = false, onError } = this.#options;
    const late = setTimeout(() => onError(tooLate(timeoutMs)), timeoutMs);
    try {
      // Where long answers take all the time, scrapes share a collection until it has its turn.
      await turn();
      const { resourceMetrics, errors } = await this.reader.collect({ timeoutMillis: timeoutMs });
      if (errors.length > 0)
        throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'Several sources failed');
      return new Collection(resourceMetrics, { withClassic });
    } catch (error) {
      onError(error);
      throw error;
    } finally {
      clearTimeout(late);
    }
  }
}

function tooLate(ms: number): Error {
  return new Error(`it took longer than ${ms} ms`);
}

async function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate(ms)), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
