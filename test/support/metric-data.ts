/** Collections as a metric reader gets them. */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Exemplar } from '../../src/metrics/exemplar.ts';

export const START: HrTime = [1_700_000_000, 250_000_000];
export const END: HrTime = [1_700_000_060, 0];

export interface Measured<T> {
  readonly attributes?: Attributes;
  readonly startTime?: HrTime;
  readonly value: T;
}

const { CUMULATIVE } = AggregationTemporality;

export function collection(
  metrics: MetricData[],
  resource: Attributes = { 'service.name': 'floatie' },
): ResourceMetrics {
  return { resource: resourceFromAttributes(resource), scopeMetrics: [{ scope: { name: 'test' }, metrics }] };
}

export function counter(name: string, points: readonly Measured<number>[], unit = ''): MetricData {
  const common = { ...described(name, unit), isMonotonic: true };
  return { ...common, dataPointType: DataPointType.SUM, dataPoints: points.map(pointOf) };
}

export function gauge(name: string, points: readonly Measured<number>[], unit = ''): MetricData {
  return { ...described(name, unit), dataPointType: DataPointType.GAUGE, dataPoints: points.map(pointOf) };
}

export function histogram(name: string, points: readonly Measured<Histogram>[], unit = ''): MetricData {
  return { ...described(name, unit), dataPointType: DataPointType.HISTOGRAM, dataPoints: points.map(pointOf) };
}

/** Of a slow operation. */
export function exemplar(value: number): Exemplar {
  const publicAttributes = { cause: 'device' };
  return { attributes: { path: `/file-${value}`, ...publicAttributes }, publicAttributes, value, time: END };
}

/** An exponential histogram of positive values whose first bucket has the index `offset`. */
export function exponential(scale: number, offset: number, bucketCounts: number[]): ExponentialHistogram {
  const count = bucketCounts.reduce((sum, one) => sum + one, 0);
  const negative = { offset: 0, bucketCounts: [] };
  return { sum: 0, count, scale, zeroCount: 0, positive: { offset, bucketCounts }, negative };
}

function described(name: string, unit: string) {
  const descriptor = { name, description: `What ${name} is`, unit, valueType: ValueType.DOUBLE };
  return { descriptor, aggregationTemporality: CUMULATIVE };
}

function pointOf<T>({ attributes = {}, startTime = START, value }: Measured<T>) {
  return { attributes, startTime, endTime: END, value };
}
