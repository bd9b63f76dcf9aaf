/** From the series of a stream to OpenTelemetry's MetricData, in the form that a reader wants. */
import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { foldTable, toNs } from './buckets.ts';
import { copyPoints } from './copies.ts';
import { type ExponentialOptions, exponentialBoundsNs } from './exponential.ts';
import { type Fold, KernelHistogram, type Shape } from './histogram.ts';
import { type Series, startOf } from './storage.ts';
import type { Stream } from './streams.ts';

/** The form of a reader's data. */
export interface Form {
  readonly temporality: AggregationTemporality;
  /** Delta for histograms only, as OpenTelemetry's preference `lowmemory`. */
  readonly lowMemory?: boolean;
  /** Histograms without bounds in a view become exponential. */
  readonly exponential?: ExponentialOptions;
  /** Histograms are a {@link KernelHistogram}, for a reader that writes one point after the other. */
  readonly lazy?: boolean;
  /** Lazy histograms without bounds in a view have an exponential form besides. */
  readonly native?: ExponentialOptions;
}

/** The buckets of a source. */
export interface Grid {
  /** Upper bounds in ns, which include the bounds of every view. */
  readonly gridNs: readonly number[];
  /** The bounds in µs where no view gives any, read whenever views change. */
  readonly defaultBounds: readonly number[];
}

export type ToData = (series: readonly Series[], form: Form, endTime: HrTime) => MetricData;

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

function histogramData(stream: Stream, gridNs: readonly number[], bounds: readonly number[]): ToData {
  const { metric, ownPerUnit } = stream;
  const perUnit = (metric.perUnit ?? 1) * ownPerUnit;
  const boundaries = bounds.map((bound) => bound / ownPerUnit);
  const explicit = foldTable(gridNs, bounds.map(toNs));
  const exponentials = new Map<number, Fold>();
  const shapeOf = (options: ExponentialOptions | undefined): Shape => {
    // The kernel's exponential bounds are powers of two of the metric's own unit.
    const hasOwn = stream.bounds !== undefined || ownPerUnit !== 1;
    if (options === undefined || hasOwn) return { perUnit, ownPerUnit, boundaries, explicit };
    const { maxScale } = options;
    const fold = exponentials.get(maxScale) ?? foldTable(gridNs, exponentialBoundsNs(maxScale));
    exponentials.set(maxScale, fold);
    return { perUnit, ownPerUnit, boundaries, explicit, native: { fold, options } };
  };
  const descriptor = descriptorOf(stream, ValueType.DOUBLE);
  return (series, { temporality: aggregationTemporality, exponential, lazy, native }, endTime) => {
    const shape = shapeOf(exponential ?? native);
    const nativeShape = exponential && shape.native;
    if (nativeShape !== undefined) {
      const dataPoints = points(series, endTime, (totals) =>
        KernelHistogram.of(totals, shape).toExponential(nativeShape),
      );
      return { descriptor, aggregationTemporality, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM, dataPoints };
    }
    const dataPoints = lazy
      ? copyPoints(series, endTime, shape)
      : points<Histogram>(series, endTime, (totals) => {
          const { sum, count, buckets } = KernelHistogram.of(totals, shape);
          return { sum, count, buckets };
        });
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  };
}

function points<T>(all: readonly Series[], endTime: HrTime, value: (totals: Float64Array) => T): DataPoint<T>[] {
  return all.map((series) => {
    const startTime = startOf(series, endTime);
    return { attributes: series.attributes, startTime, endTime, value: value(series.totals) };
  });
}

function descriptorOf(stream: Stream, valueType: ValueType): MetricData['descriptor'] {
  return { name: stream.name, description: stream.description, unit: stream.unit, valueType };
}
