/** Prometheus' protobuf format, the only one with native histograms: messages of metrics.proto, each behind its length. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  type DataPoint,
  DataPointType,
  type ExponentialHistogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Exemplar } from '../../../metrics/exemplar.ts';
import { labelsOf } from '../../../metrics/labels.ts';
import { isAfter } from '../../../program/clock.ts';
import { ALL, byBucket, PUBLIC, type ScrapedHistogram, type Shown } from './exemplars.ts';
import { type Family, type FamilyType, familiesOf, hasUnit, TARGET_INFO, targetInfo } from './families.ts';
import type { Format, Section } from './format.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/**
 * The numbers of the fields, by message:
 * https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 */
const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 } as const;
const METRIC = { label: 1, gauge: 2, counter: 3, histogram: 7 } as const;
const LABEL = { name: 1, value: 2 } as const;
const NUMBER = { value: 1, created: 3 } as const;
const HISTOGRAM = {
  ...{ count: 1, sum: 2, bucket: 3, schema: 5, zeroCount: 7 },
  ...{ positiveSpan: 12, positiveDelta: 13, created: 15, exemplar: 16 },
} as const;
const BUCKET = { cumulativeCount: 1, upperBound: 2, exemplar: 3 } as const;
const SPAN = { offset: 1, length: 2 } as const;
const EXEMPLAR = { label: 1, value: 2, timestamp: 3 } as const;
const TIMESTAMP = { seconds: 1, nanos: 2 } as const;
const TYPES: Readonly<Record<FamilyType, number>> = { counter: 0, gauge: 1, untyped: 3, histogram: 4 };

/** So many empty buckets in a row take less than the beginning of another span does. */
const MAX_GAP = 4;

/** Writes one message at a time: there is never more than one under way. */
const message = new ProtobufWriter();

/**
 * Labels as they are written, with a character for each byte. They are field 1 of points and exemplars, and the attributes
 * of a series are the same object each time.
 */
const cache = new WeakMap<Attributes, string>();

interface Options {
  /** Histograms with exponential buckets have classic ones besides. */
  readonly withClassic: boolean;
  readonly shown: Shown;
}

export const PROTOBUF = protobufFormat({ withClassic: false, shown: ALL });
export const PUBLIC_PROTOBUF = protobufFormat({ withClassic: false, shown: PUBLIC });
export const PROTOBUF_WITH_CLASSIC = protobufFormat({ withClassic: true, shown: ALL });
export const PUBLIC_PROTOBUF_WITH_CLASSIC = protobufFormat({ withClassic: true, shown: PUBLIC });

function protobufFormat(options: Options): Format {
  return {
    type: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    *sections(collection: ResourceMetrics): Iterable<Section> {
      for (const family of familiesOf(collection)) {
        const points = family.metrics.map((metric) => pointsOf(metric, options));
        if (family.name === TARGET_INFO)
          points.unshift(pointsAt(1, () => writeNumber(METRIC.gauge, targetInfo(collection))));
        if (points.some(({ pieces }) => pieces > 0)) yield headOf(family, points);
        yield* points;
      }
    },
  };
}

/** The length of a family stands before its name, so its points are written twice. */
function headOf(family: Family, points: readonly Points[]): Section {
  const { name, help, type, unit } = family;
  let bytes: number | undefined;
  function* measure(): Generator<void> {
    let sum = 0;
    for (const { pieces, lengthOf } of points) {
      for (let at = 0; at < pieces; at++) {
        sum += lengthOf(at);
        yield;
      }
    }
    bytes = sum;
  }
  return {
    pieces: 1,
    prepare: measure,
    write(out) {
      if (bytes === undefined) for (const _ of measure());
      message.clear();
      if (hasUnit(family)) message.text(FAMILY.unit, unit);
      message.uint(FAMILY.type, TYPES[type]);
      message.text(FAMILY.help, help || 'description missing');
      message.text(FAMILY.name, name);
      message.varint(message.length + (bytes ?? 0));
      out.bytes(message.bytes);
    },
  };
}

interface Points extends Section {
  /** The length of a piece. */
  readonly lengthOf: (piece: number) => number;
}

function pointsOf(metric: MetricData, options: Options): Points {
  const { length } = metric.dataPoints;
  if (metric.dataPointType === DataPointType.HISTOGRAM)
    return pointsAt(length, (at) => writeHistogram(metric.dataPoints[at], options));
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return pointsAt(0, () => undefined);
  const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
  return pointsAt(length, (at) => writeNumber(isCounter ? METRIC.counter : METRIC.gauge, metric.dataPoints[at]));
}

function pointsAt(pieces: number, writePoint: (at: number) => void): Points {
  const writeAlone = (at: number): void => {
    message.clear();
    writePoint(at);
    message.close(FAMILY.metric, 0);
  };
  return {
    pieces,
    write(out, at) {
      writeAlone(at);
      out.bytes(message.bytes);
    },
    lengthOf(at) {
      writeAlone(at);
      return message.length;
    },
  };
}

function writeNumber(field: number, point: DataPoint<number> | undefined): void {
  if (point === undefined) return;
  const end = message.length;
  if (field === METRIC.counter) writeCreated(NUMBER.created, point);
  message.double(NUMBER.value, point.value);
  message.close(field, end);
  writeLabels(METRIC.label, point.attributes);
}

function writeHistogram(point: DataPoint<ScrapedHistogram> | undefined, { withClassic, shown }: Options): void {
  if (point === undefined) return;
  const { count, sum, exponential, exemplars = [] } = point.value;
  const end = message.length;
  if (exponential !== undefined && exemplars.length > 0)
    for (const exemplar of exemplars.toReversed()) writeExemplar(HISTOGRAM.exemplar, exemplar, shown);
  writeCreated(HISTOGRAM.created, point);
  if (exponential !== undefined) writeExponential(exponential);
  if (exponential === undefined || withClassic) writeClassic(point.value.buckets, exemplars, shown);
  message.double(HISTOGRAM.sum, sum ?? 0);
  message.uint(HISTOGRAM.count, count);
  message.close(METRIC.histogram, end);
  writeLabels(METRIC.label, point.attributes);
}

/** Cumulative counts; the last bucket, without a bound, is the count, and is written where it has an exemplar. */
function writeClassic(
  { boundaries, counts }: ScrapedHistogram['buckets'],
  exemplars: readonly Exemplar[],
  shown: Shown,
): void {
  const examples = byBucket(exemplars, boundaries);
  let total = counts.reduce((sum, one) => sum + one, 0);
  const writeBucket = (at: number, bound: number): void => {
    const end = message.length;
    const example = examples?.get(at);
    if (example !== undefined) writeExemplar(BUCKET.exemplar, example, shown);
    message.double(BUCKET.upperBound, bound);
    message.uint(BUCKET.cumulativeCount, total);
    message.close(HISTOGRAM.bucket, end);
  };
  if (examples?.has(boundaries.length)) writeBucket(boundaries.length, Number.POSITIVE_INFINITY);
  for (let at = boundaries.length - 1; at >= 0; at--) {
    total -= counts[at + 1] ?? 0;
    writeBucket(at, boundaries[at] ?? 0);
  }
}

/** Durations are never negative. */
function writeExponential({ scale, zeroCount, positive }: ExponentialHistogram): void {
  const { spans, deltas } = spansOf(positive);
  message.sints(HISTOGRAM.positiveDelta, deltas);
  for (const { offset, length } of spans.toReversed()) {
    const end = message.length;
    message.uint(SPAN.length, length);
    message.sint(SPAN.offset, offset);
    message.close(HISTOGRAM.positiveSpan, end);
  }
  if (zeroCount > 0) message.uint(HISTOGRAM.zeroCount, zeroCount);
  message.sint(HISTOGRAM.schema, scale);
}

interface Spans {
  readonly spans: readonly { readonly offset: number; readonly length: number }[];
  /** What each bucket of a span has more than the one before. */
  readonly deltas: readonly number[];
}

/** Prometheus counts buckets by their upper bounds, and OpenTelemetry by the lower ones: its indices are smaller by 1. */
function spansOf({ offset: first, bucketCounts }: ExponentialHistogram['positive']): Spans {
  const spans: { offset: number; length: number }[] = [];
  const deltas: number[] = [];
  let before = 0;
  let next = 0;
  for (let at = 0; at < bucketCounts.length; at++) {
    const count = bucketCounts[at] ?? 0;
    if (count === 0) continue;
    const index = first + at + 1;
    const gap = index - next;
    const last = spans.at(-1);
    if (last === undefined || gap > MAX_GAP) spans.push({ offset: gap, length: 1 });
    else {
      for (let empty = 0; empty < gap; empty++, before = 0) deltas.push(-before);
      last.length += gap + 1;
    }
    deltas.push(count - before);
    before = count;
    next = index + 1;
  }
  // By a span of nothing Prometheus knows a native histogram without samples.
  return spans.length > 0 ? { spans, deltas } : { spans: [{ offset: 0, length: 0 }], deltas };
}

/** A point that begins when it ends has an unknown start. */
function writeCreated(field: number, { startTime, endTime }: DataPoint<unknown>): void {
  if (isAfter(endTime, startTime)) writeTimestamp(field, startTime);
}

function writeTimestamp(field: number, [seconds, nanos]: HrTime): void {
  const end = message.length;
  message.uint(TIMESTAMP.nanos, nanos);
  message.uint(TIMESTAMP.seconds, seconds);
  message.close(field, end);
}

function writeExemplar(field: number, exemplar: Exemplar, shown: Shown): void {
  const end = message.length;
  writeTimestamp(EXEMPLAR.timestamp, exemplar.time);
  message.double(EXEMPLAR.value, exemplar.value);
  writeLabels(EXEMPLAR.label, shown(exemplar));
  message.close(field, end);
}

function writeLabels(field: number, attributes: Attributes): void {
  const known = cache.get(attributes);
  if (known !== undefined) {
    message.latin1(known);
    return;
  }
  const end = message.length;
  for (const [name, value] of Object.entries(labelsOf(attributes)).reverse()) {
    const end = message.length;
    message.text(LABEL.value, value);
    message.text(LABEL.name, name);
    message.close(field, end);
  }
  const written = message.bytes.subarray(0, message.length - end);
  cache.set(attributes, Buffer.from(written).toString('latin1'));
}
