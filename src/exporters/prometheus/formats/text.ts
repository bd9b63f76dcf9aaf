/** Prometheus' text format, byte for byte as OpenTelemetry's PrometheusSerializer writes it. */
import type { Attributes } from '@opentelemetry/api';
import { DataPointType, type Histogram, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { labelsOf } from '../../../metrics/labels.ts';
import type { ByteWriter } from './byte-writer.ts';
import { escapeText, type Family, familiesOf, TARGET_INFO } from './families.ts';
import type { Format, Section } from './format.ts';

export const TEXT: Format = { type: 'text/plain; version=0.0.4; charset=utf-8', sections };

const [LF, SPACE, OPEN, CLOSE] = Buffer.from('\n {}') as unknown as [number, number, number, number];
const NOTHING = '# no registered metrics';

function* sections(collection: ResourceMetrics): Iterable<Section> {
  let isEmpty = true;
  for (const family of familiesOf(collection)) {
    yield { pieces: 1, write: (out) => out.utf8(headOf(family)) };
    if (family.name === TARGET_INFO)
      yield single(TARGET_INFO, [{ attributes: collection.resource.attributes, value: 1 }]);
    else isEmpty = false;
    for (const metric of family.metrics) {
      isEmpty &&= metric.dataPoints.length === 0;
      yield pointsOf(family.name, metric);
    }
  }
  if (isEmpty) yield { pieces: 1, write: (out) => out.latin1(NOTHING) };
}

function headOf({ name, type, help, unit }: Family): string {
  const unitLine = unit === '' ? '' : `# UNIT ${name} ${escapeText(unit)}\n`;
  return `# HELP ${name} ${escapeText(help || 'description missing')}\n${unitLine}# TYPE ${name} ${type}\n`;
}

function pointsOf(name: string, metric: MetricData): Section {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return single(name, metric.dataPoints);
    case DataPointType.HISTOGRAM:
      return histogram(name, metric.dataPoints);
    default:
      return { pieces: 0, write: () => undefined };
  }
}

interface Point<T> {
  readonly attributes: Attributes;
  readonly value: T;
}

function single(name: string, points: readonly Point<number>[]): Section {
  return {
    pieces: points.length,
    write(out, at) {
      const { attributes, value } = points[at] as Point<number>;
      out.latin1(name);
      writeLabels(out, labelText(attributes));
      writeValue(out, value);
    },
  };
}

function histogram(name: string, points: readonly Point<Histogram>[]): Section {
  let known: Bounds = { boundaries: [], ends: [] };
  return {
    pieces: points.length,
    write(out, at) {
      const { attributes, value } = points[at] as Point<Histogram>;
      const { boundaries, counts } = value.buckets;
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
      if (!isSame(known.boundaries, boundaries)) known = endsOf(boundaries);
      const begin = `${name}_bucket{${labels}${labels === '' ? '' : ','}le="`;
      let total = 0;
      for (let bucket = 0; bucket < counts.length; bucket++) {
        total += counts[bucket] ?? 0;
        out.latin1(begin);
        out.bytes(known.ends[bucket] ?? INFINITE);
        out.number(total);
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

function endsOf(boundaries: readonly number[]): Bounds {
  const ends = boundaries.map((bound) => (bound === Number.POSITIVE_INFINITY ? INFINITE : endOf(String(bound))));
  return { boundaries, ends };
}

function endOf(bound: string): Uint8Array {
  return Uint8Array.from(Buffer.from(`${bound}"} `));
}

/** The metrics of a stream have the same bounds, but not always as the same object. */
function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((bound, at) => bound === b[at]));
}

function writeLabels(out: ByteWriter, labels: string): void {
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
function labelText(attributes: Attributes): string {
  const known = cache.get(attributes);
  if (known !== undefined) return known;
  const pairs = Object.entries(labelsOf(attributes)).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`);
  const text = Buffer.from(pairs.join(',')).toString('latin1');
  cache.set(attributes, text);
  return text;
}

/** The attributes of a series are the same object at every scrape. */
const cache = new WeakMap<Attributes, string>();

function escapeLabel(text: string): string {
  return escapeText(text).replace(/"/g, '\\"');
}
