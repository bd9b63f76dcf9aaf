/** From the series of a stream to OpenTelemetry's MetricData, in the form that a reader wants. */
import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { isAfter } from '../program/clock.ts';
import { foldTable, toNs } from './buckets.ts';
import { type ExponentialOptions, exponentialBoundsNs, toExponential } from './exponential.ts';
import type { Series } from './storage.ts';
import type { Stream } from './streams.ts';

/** The form of a reader's data. */
export interface Form {
  readonly temporality: AggregationTemporality;
  /** Delta for histograms only, as OpenTelemetry's preference `lowmemory`. */
  readonly lowMemory?: boolean;
  /** Histograms without bounds in a view become exponential. */
  readonly exponential?: ExponentialOptions;
}

/** The buckets of a source. */
export interface Grid {
  /** Upper bounds in ns, which include the bounds of every view. */
  readonly gridNs: readonly number[];
  /** The bounds in µs where no view gives any, read whenever views change. */
  readonly defaultBounds: readonly number[];
}

export type ToData = (series: Iterable<Series>, form: Form, endTime: HrTime) => MetricData;

/** @param grid the buckets of a histogram */
export function metricDataOf(stream: Stream, { gridNs, defaultBounds }: Grid): ToData {
  switch (stream.metric.kind) {
    case 'gauge':
      return gaugeData(stream);
    case 'counter':
      return counterData(stream);
    case 'histogram':
      return histogramData(stream, gridNs, stream.bounds ?? defaultBounds);
  }
}

function gaugeData(stream: Stream): ToData {
  return (series, _, endTime) => ({
    descriptor: descriptorOf(stream, ValueType.DOUBLE),
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.GAUGE,
    dataPoints: points(series, endTime, ([value = 0]) => value),
  });
}

function counterData(stream: Stream): ToData {
  const { perUnit = 1 } = stream.metric;
  return (series, { temporality: aggregationTemporality }, endTime) => ({
    descriptor: descriptorOf(stream, stream.metric.unit === '' ? ValueType.INT : ValueType.DOUBLE),
    aggregationTemporality,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: points(series, endTime, ([count = 0]) => count / perUnit),
  });
}

function histogramData(stream: Stream, gridNs: readonly number[], boundaries: readonly number[]): ToData {
  const explicit = foldTable(gridNs, boundaries.map(toNs));
  const { perUnit = 1 } = stream.metric;
  const sumOf = ([sum = 0]: Float64Array): number => sum / perUnit;
  const exponentials = new Map<number, readonly number[]>();
  const exponentialAt = (scale: number): readonly number[] => {
    const fold = exponentials.get(scale) ?? foldTable(gridNs, exponentialBoundsNs(scale));
    exponentials.set(scale, fold);
    return fold;
  };
  return (series, { temporality: aggregationTemporality, exponential }, endTime) => {
    const descriptor = descriptorOf(stream, ValueType.DOUBLE);
    if (exponential === undefined || stream.bounds !== undefined) {
      const dataPoints = points(series, endTime, (totals): Histogram => {
        const counts = folded(totals, explicit);
        const count = counts.reduce((sum, one) => sum + one, 0);
        return { sum: sumOf(totals), count, buckets: { boundaries: [...boundaries], counts } };
      });
      return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    const fold = exponentialAt(exponential.maxScale);
    const dataPoints = points(series, endTime, (totals) =>
      toExponential(folded(totals, fold), sumOf(totals), exponential),
    );
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM, dataPoints };
  };
}

/** Folds a histogram's counts into coarser buckets. */
function folded(totals: Float64Array, fold: readonly number[]): number[] {
  const counts = new Array<number>((fold.at(-1) ?? 0) + 1).fill(0);
  for (const [bucket, coarse] of fold.entries()) counts[coarse] = (counts[coarse] ?? 0) + (totals[bucket + 1] ?? 0);
  return counts;
}

function points<T>(all: Iterable<Series>, endTime: HrTime, value: (totals: Float64Array) => T): DataPoint<T>[] {
  return Array.from(all, (series) => {
    // The wall clock was set back to before the start. A point whose start is its end has an unknown start.
    if (isAfter(series.startTime, endTime)) series.startTime = endTime;
    const { attributes, startTime, totals } = series;
    return { attributes, startTime, endTime, value: value(totals) };
  });
}

function descriptorOf(stream: Stream, valueType: ValueType): MetricData['descriptor'] {
  return { name: stream.name, description: stream.description, unit: stream.metric.unit, valueType };
}
