/** What scrapes get: OpenTelemetry's exporter collects, its serializer writes, once for all who ask meanwhile. */
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { MetricData, MetricProducer, MetricReader, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { labelsOf } from '../../metrics/labels.ts';
import type { Body } from './bodies.ts';

const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';

export interface ScrapesOptions {
  /** How long a collection may take, in ms. */
  readonly timeoutMs: number;
  readonly producers: MetricProducer[];
  /** Called for each collection that fails, whole or in part. */
  readonly onError: (error: unknown) => void;
}

/** How long a collection under way may take once its reader is not used any more, in ms. */
const LAST_COLLECTION_MS = 3000;

/** What scrapes get, from one reader: one collection at a time, however many there are. */
export class Scrapes {
  readonly reader: MetricReader;
  readonly #options: ScrapesOptions;
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  #underWay: Promise<Body> | null = null;

  constructor(options: ScrapesOptions) {
    this.#options = options;
    this.reader = new PrometheusExporter({ preventServerStart: true, metricProducers: options.producers });
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** Rejects when it takes too long, or not all could be collected. */
  body(): Promise<Body> {
    // A collection that is too late for one scrape stays the only one until it ends.
    this.#underWay ??= this.#collect().finally(() => {
      this.#underWay = null;
    });
    return withDeadline(this.#underWay, this.#options.timeoutMs);
  }

  /** Waits for a collection under way, but not for long. */
  async settle(): Promise<void> {
    if (this.#underWay !== null) await withDeadline(this.#underWay, LAST_COLLECTION_MS).catch(() => undefined);
  }

  async #collect(): Promise<Body> {
    const { timeoutMs, onError } = this.#options;
    const late = setTimeout(() => onError(tooLate(timeoutMs)), timeoutMs);
    try {
      const { resourceMetrics, errors } = await this.reader.collect({ timeoutMillis: timeoutMs });
      if (errors.length > 0)
        throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'Several sources failed');
      const bytes = Buffer.from(this.#serializer.serialize(withLabels(resourceMetrics)));
      return { status: 200, type: PROMETHEUS_TEXT, bytes, isLong: true };
    } catch (error) {
      onError(error);
      throw error;
    } finally {
      clearTimeout(late);
    }
  }
}

/** The serializer writes names as they are, or two of them the same. */
function withLabels({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
  return {
    resource: resourceFromAttributes(labelsOf(resource.attributes)),
    scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({ scope, metrics: metrics.map(withLabelledPoints) })),
  };
}

function withLabelledPoints(data: MetricData): MetricData {
  const dataPoints = data.dataPoints.map((point) => ({ ...point, attributes: labelsOf(point.attributes) }));
  return { ...data, dataPoints } as MetricData;
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
