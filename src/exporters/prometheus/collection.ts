/** What one collection gave, for any number of readers in any of the formats. */
import type { IncomingHttpHeaders } from 'node:http';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { KernelHistogram } from '../../metrics/histogram.ts';
import type { Body, Content } from './bodies.ts';
import { Document, preparedChunksOf, SHARED_BYTES } from './formats/document.ts';
import type { Format } from './formats/format.ts';
import { formatFor, type Manner } from './formats/negotiation.ts';
import { Gzip } from './gzip.ts';

/** About what a collection takes: itself, and each of its points. */
const [OWN_BYTES, POINT_BYTES] = [32 << 10, 160];
const SAMPLED_POINTS = 32;

export class Collection implements Body {
  readonly status = 200;
  readonly size: number;
  readonly #collected: ResourceMetrics;
  readonly #manner: Manner;
  #public: Collection | undefined;
  readonly #documents = new Map<Format, Document>();
  readonly #compressed = new Map<Format, Gzip>();

  /** @param collected is never changed */
  constructor(collected: ResourceMetrics, manner: Manner = {}) {
    this.#collected = collected;
    this.#manner = manner;
    const metrics = collected.scopeMetrics.flatMap(({ metrics }) => metrics);
    this.size = metrics.reduce((bytes, metric) => bytes + sizeOf(metric), OWN_BYTES);
  }

  /** What anyone may read. */
  get public(): Collection {
    this.#public ??= new Collection(this.#collected, { ...this.#manner, isPublic: true });
    return this.#public;
  }

  contentFor(
    { accept, 'accept-encoding': coding = '' }: IncomingHttpHeaders,
    onGrow: (bytes: number) => void,
  ): Content {
    const format = formatFor(accept, this.#manner);
    const headers = { 'content-type': format.type, vary: 'accept, accept-encoding' };
    if (!acceptsGzip(String(coding))) return { headers, chunks: this.#document(format, onGrow) };
    return { headers: { ...headers, 'content-encoding': 'gzip' }, chunks: this.#gzip(format, onGrow) };
  }

  close(): void {
    for (const gzip of this.#compressed.values()) gzip.close();
    this.#compressed.clear();
    this.#documents.clear();
  }

  #document(format: Format, onGrow: (bytes: number) => void): Document {
    const known = this.#documents.get(format);
    if (known !== undefined) return known;
    const document = new Document(format, this.#collected);
    this.#documents.set(format, document);
    onGrow(SHARED_BYTES);
    return document;
  }

  #gzip(format: Format, onGrow: (bytes: number) => void): Gzip {
    const known = this.#compressed.get(format);
    if (known !== undefined) return known;
    const gzip = new Gzip(preparedChunksOf(format, this.#collected), onGrow);
    this.#compressed.set(format, gzip);
    return gzip;
  }
}

/** Estimated by some of the points: each of them is made when it is asked for. */
function sizeOf({ dataPoints }: MetricData): number {
  const step = Math.ceil(dataPoints.length / SAMPLED_POINTS);
  let bytes = dataPoints.length * POINT_BYTES;
  for (let at = 0; at < dataPoints.length; at += step) {
    const value = dataPoints[at]?.value;
    if (value instanceof KernelHistogram) bytes += step * value.bytes;
  }
  return bytes;
}

function acceptsGzip(header: string): boolean {
  return header.split(',').some((coding) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding));
}
