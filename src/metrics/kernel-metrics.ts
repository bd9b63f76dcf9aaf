/**
 * From the kernel's counts to OpenTelemetry's MetricData, shaped by the same views as every instrument.
 * One set of series is shared by all readers; what a reader has already seen is its producer's affair.
 */
import { type HrTime, ValueType } from '@opentelemetry/api';
import { hrTime } from '@opentelemetry/core';
import {
  type AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics';
import { foldTable, toNs } from './buckets.ts';
import type { Metric } from './catalogue.ts';
import { type Member, type Series, SeriesStore } from './series.ts';
import { type Stream, streamsOf } from './streams.ts';

/** A member's counts for one metric. Totals of a counter are `[count]`, of a histogram `[sum, ...buckets]`. */
export interface Sample {
  readonly metric: Metric;
  readonly member: Member;
}

/** Where samples come from: a receiver, with names for what it counts. */
export interface Source {
  readonly metrics: readonly Metric[];
  /** All that is counted now. */
  read(): Iterable<Sample>;
}

/** One metric stream as all readers see it. */
export interface StreamState {
  readonly stream: Stream;
  readonly store: SeriesStore;
  toData(points: Iterable<Series>, temporality: AggregationTemporality, endTime: HrTime): MetricData;
}

export class KernelMetrics {
  readonly #sources: Source[] = [];
  readonly #states = new Map<string, StreamState[]>();
  readonly #views: readonly ViewOptions[];

  constructor(views: readonly ViewOptions[]) {
    this.#views = views;
  }

  /**
   * @param gridNs the bounds of the source's histogram buckets in ns, among them those of every view
   * @param defaultBounds the bounds in µs where no view gives any
   */
  addSource(source: Source, gridNs: readonly number[], defaultBounds: readonly number[]): void {
    const startTime = hrTime();
    this.#sources.push(source);
    for (const metric of source.metrics) {
      const width = metric.kind === 'histogram' ? gridNs.length + 2 : 1;
      const states = streamsOf(metric, this.#views).map((stream): StreamState => {
        const store = new SeriesStore(stream, width, startTime);
        if (metric.kind !== 'histogram') return { stream, store, toData: counterData(stream) };
        return { stream, store, toData: histogramData(stream, gridNs, stream.bounds ?? defaultBounds) };
      });
      this.#states.set(metric.name, states);
    }
  }

  /** Reads every source. Throws only when a source does; the others are read all the same. */
  refresh(): void {
    const errors: unknown[] = [];
    for (const source of this.#sources) {
      try {
        this.record(source.read());
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'Cannot read every receiver');
  }

  record(samples: Iterable<Sample>): void {
    for (const { metric, member } of samples) {
      for (const { store } of this.#states.get(metric.name) ?? []) store.update([member]);
    }
  }

  /** Records the last counts of members that are no more, and ends them. */
  end(samples: Iterable<Sample>): void {
    for (const sample of samples) {
      this.record([sample]);
      for (const { store } of this.#states.get(sample.metric.name) ?? []) store.end(sample.member.key);
    }
  }

  states(): StreamState[] {
    return [...this.#states.values()].flat();
  }
}

function counterData(stream: Stream): StreamState['toData'] {
  return (series, aggregationTemporality, endTime) => ({
    descriptor: descriptorOf(stream, ValueType.INT),
    aggregationTemporality,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: points(series, endTime, ([count = 0]) => count),
  });
}

function histogramData(
  stream: Stream,
  gridNs: readonly number[],
  boundaries: readonly number[],
): StreamState['toData'] {
  const fold = foldTable(gridNs, boundaries.map(toNs));
  return (series, aggregationTemporality, endTime) => ({
    descriptor: descriptorOf(stream, ValueType.DOUBLE),
    aggregationTemporality,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: points(series, endTime, (totals): Histogram => {
      const counts = new Array<number>(boundaries.length + 1).fill(0);
      let count = 0;
      for (const [bucket, coarse] of fold.entries()) {
        const inBucket = totals[bucket + 1] ?? 0;
        counts[coarse] = (counts[coarse] ?? 0) + inBucket;
        count += inBucket;
      }
      return { sum: (totals[0] ?? 0) / 1000, count, buckets: { boundaries: [...boundaries], counts } };
    }),
  });
}

function points<T>(series: Iterable<Series>, endTime: HrTime, value: (totals: Float64Array) => T): DataPoint<T>[] {
  return Array.from(series, ({ attributes, startTime, totals }) => ({
    attributes,
    startTime,
    endTime,
    value: value(totals),
  }));
}

function descriptorOf(stream: Stream, valueType: ValueType): MetricData['descriptor'] {
  return { name: stream.name, description: stream.description, unit: stream.metric.unit, valueType };
}
