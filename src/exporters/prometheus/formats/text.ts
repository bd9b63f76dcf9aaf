/** Prometheus' text format, byte for byte as OpenTelemetry's PrometheusSerializer writes it; and what OpenMetrics shares. */
import type { Attributes } from '@opentelemetry/api';
import {
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Exemplar } from '../../../metrics/exemplar.ts';
import { labelsOf } from '../../../metrics/labels.ts';
import type { ByteWriter } from './byte-writer.ts';
import { byBucket, type ScrapedHistogram } from './exemplars.ts';
import { escapeText, type Family, familiesOf, TARGET_INFO, targetInfo } from './families.ts';
import type { Format, Section } from './format.ts';

/** In what the text formats differ. */
export interface Dialect {
  /** The lines before a family's points. */
  headOf(family: Family): string;
  /** The value of `le`, but for the infinite one. */
  boundText(bound: number): string;
  /** What follows the value of a bucket, with one character for each byte; absent where the format has no exemplars. */
  exemplarText?(exemplar: Exemplar): string;
  /** The last line. */
  endOf(isEmpty: boolean): string;
}

export const TEXT: Format = {
  type: 'text/plain; version=0.0.4; charset=utf-8',
  sections: (collection) => textSections(collection, PLAIN),
};

const PLAIN: Dialect = { headOf, boundText: String, endOf: (isEmpty) => (isEmpty ? '# no registered metrics' : '') };

const [LF, SPACE, OPEN, CLOSE] = Buffer.from('\n {}') as unknown as [number, number, number, number];

export function* textSections(collection: ResourceMetrics, dialect: Dialect): Iterable<Section> {
  let isEmpty = true;
  for (const family of familiesOf(collection)) {
    yield { pieces: 1, write: (out) => out.utf8(dialect.headOf(family)) };
    if (family.name === TARGET_INFO) yield single(family, [targetInfo(collection)]);
    else isEmpty = false;
    for (const metric of family.metrics) {
      isEmpty &&= metric.dataPoints.length === 0;
      yield pointsOf(family, metric, dialect);
    }
  }
  const end = dialect.endOf(isEmpty);
  if (end !== '') yield { pieces: 1, write: (out) => out.latin1(end) };
}

function headOf({ name, type, help, unit }: Family): string {
  const unitLine = unit === '' ? '' : `# UNIT ${name} ${escapeText(unit)}\n`;
  return `# HELP ${name} ${escapeText(help || 'description missing')}\n${unitLine}# TYPE ${name} ${type}\n`;
}

function pointsOf(family: Family, metric: MetricData, dialect: Dialect): Section {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return single(family, metric.dataPoints);
    case DataPointType.HISTOGRAM:
      return histogram(family, metric.dataPoints, dialect);
    default:
      return { pieces: 0, write: () => undefined };
  }
}

function single(family: Family, points: readonly DataPoint<number>[]): Section {
  return {
    pieces: points.length,
    write(out, at) {
      const point = points[at] as DataPoint<number>;
      out.latin1(family.name);
      writeLabels(out, labelText(point.attributes));
      writeValue(out, point.value);
    },
  };
}

function histogram(family: Family, points: readonly DataPoint<Histogram>[], dialect: Dialect): Section {
  const { name } = family;
  let known: Bounds = { boundaries: [], ends: [] };
  return {
    pieces: points.length,
    write(out, at) {
      const point = points[at] as DataPoint<ScrapedHistogram>;
      const { attributes, value } = point;
      const { boundaries, counts } = value.buckets;
      const exemplars = dialect.exemplarText && byBucket(value.exemplars ?? [], boundaries);
      const labels = labelText(attributes);
      for (const [suffix, total] of [
        ['_count', value.count],
        ['_sum', value.sum],
      ] as const) {
        if (total == null) continue;
        out.latin1(name);
        out.latin1(suffix);
        writeLabels(out, labels);
        writeValue(out, total);
      }
      if (!isSame(known.boundaries, boundaries)) known = endsOf(boundaries, dialect);
      const begin = `${name}_bucket{${labels}${labels === '' ? '' : ','}le="`;
      let total = 0;
      for (let bucket = 0; bucket < counts.length; bucket++) {
        total += counts[bucket] ?? 0;
        out.latin1(begin);
        out.bytes(known.ends[bucket] ?? INFINITE);
        out.number(total);
        const exemplar = exemplars?.get(bucket);
        if (exemplar !== undefined) out.latin1(dialect.exemplarText?.(exemplar) ?? '');
        out.byte(LF);
        if (boundaries[bucket] === Number.POSITIVE_INFINITY) break;
      }
    },
  };
}

interface Bounds {
  readonly boundaries: readonly number[];
  /** What follows `le="` for each of them. */
  readonly ends: readonly Uint8Array[];
}

const INFINITE = endOf('+Inf');

function endsOf(boundaries: readonly number[], { boundText }: Dialect): Bounds {
  const ends = boundaries.map((bound) => (bound === Number.POSITIVE_INFINITY ? INFINITE : endOf(boundText(bound))));
  return { boundaries, ends };
}

function endOf(bound: string): Uint8Array {
  return Uint8Array.from(Buffer.from(`${bound}"} `));
}

/** The metrics of a stream have the same bounds, but not always as the same object. */
function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((bound, at) => bound === b[at]));
}

export function writeLabels(out: ByteWriter, labels: string): void {
  if (labels === '') return;
  out.byte(OPEN);
  out.latin1(labels);
  out.byte(CLOSE);
}

function writeValue(out: ByteWriter, value: number): void {
  out.byte(SPACE);
  out.number(value);
  out.byte(LF);
}

/** The labels between the braces, as a string of one character for each byte of UTF-8: half the size of a buffer. */
export function labelText(attributes: Attributes): string {
  const known = cache.get(attributes);
  if (known !== undefined) return known;
  const pairs = Object.entries(labelsOf(attributes)).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  const text = Buffer.from(pairs.join(',')).toString('latin1');
  cache.set(attributes, text);
  return text;
}

/** The attributes of a series are the same object at every scrape. */
const cache = new WeakMap<Attributes, string>();

/** Between quotes. */
export function escapeLabel(text: string): string {
  return escapeText(text).replace(/"/g, '\\"');
}
