/**
 * From the kernel's counts to OpenTelemetry's MetricData, shaped by the same views as every instrument.
 * One set of series is shared by all readers; what a reader has already seen is its producer's affair.
 */
import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics';
import { isAfter, monotonicMs, toHrTime, wallMs } from '../program/clock.ts';
import { foldTable, toNs } from './buckets.ts';
import type { Metric } from './catalogue.ts';
import { type ExponentialOptions, exponentialBoundsNs, toExponential } from './exponential.ts';
import { GaugeStorage, type Member, type Series, SeriesStorage, type Store } from './storage.ts';
import { type Stream, streamsOf } from './streams.ts';

/**
 * A member's values for one metric: `[value]` of a counter or gauge, `[sum, ...buckets]` of a histogram. Counters and sums
 * are whole numbers, {@link Metric.perUnit} of which make one unit.
 */
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
  readonly store: Store;
  toData(points: Iterable<Series>, form: Form, endTime: HrTime): MetricData;
}

/** How a reader wants its data. */
export interface Form {
  readonly temporality: AggregationTemporality;
  /** Counters stay cumulative where histograms are deltas, as with OpenTelemetry's preference `lowmemory`. */
  readonly lowMemory?: boolean;
  /** Histograms without bounds that a view gave them become exponential ones. */
  readonly exponential?: ExponentialOptions;
}

export class MetricRegistry {
  readonly #sources: Source[] = [];
  readonly #added = new Map<string, { readonly metric: Metric; readonly startTime: HrTime; readonly grid: Grid }>();
  readonly #states = new Map<string, StreamState[]>();
  /** When those who want totals last had all, in ms of CLOCK_MONOTONIC. */
  readonly #lastReads = new Map<object, number>();
  readonly #onEnd = new Set<(state: StreamState, series: Series) => void>();
  #views: readonly ViewOptions[];

  constructor(views: readonly ViewOptions[]) {
    this.#views = views;
  }

  /** Adds a source; `grid` describes its histograms, if it has any. Several sources can share a metric. */
  addSource(source: Source, grid: Grid = NO_GRID): void {
    const startTime = toHrTime(wallMs());
    this.#sources.push(source);
    for (const metric of source.metrics) {
      if (this.#added.has(metric.name)) continue;
      this.#added.set(metric.name, { metric, startTime, grid });
      this.#shape(metric.name);
    }
  }

  /** From now on by these views, and the bounds that grids give now. Counts and start times of series that stay go on. */
  reshape(views: readonly ViewOptions[]): void {
    this.#views = views;
    for (const name of this.#added.keys()) this.#shape(name);
  }

  /** Upper bounds in ns of the buckets of a metric; none where it has no source. */
  gridNs({ name }: Metric): readonly number[] {
    return this.#added.get(name)?.grid.gridNs ?? [];
  }

  #shape(name: string): void {
    const added = this.#added.get(name);
    if (added === undefined) return;
    const { metric, grid, startTime } = added;
    const before = this.#states.get(name) ?? [];
    const states = streamsOf(metric, this.#views).map((stream) => stateOf(stream, grid, startTime));
    for (const state of states) {
      const forebear = before.find(({ stream }) => stream.name === state.stream.name) ?? before[0];
      if (forebear !== undefined) state.store.inherit(forebear.store);
      state.store.onEnd((series) => {
        for (const listener of this.#onEnd) listener(state, series);
      });
    }
    this.#states.set(name, states);
  }

  /** Reads every source. Throws only when a source does; the others are read all the same. */
  refresh(): void {
    const errors: unknown[] = [];
    for (const { store } of this.states()) store.begin();
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

  /**
   * Calls `listener` with each series that ends, its totals final, whenever its source was added.
   *
   * @returns what ends that
   */
  onEnd(listener: (state: StreamState, series: Series) => void): () => void {
    this.#onEnd.add(listener);
    return () => this.#onEnd.delete(listener);
  }

  /**
   * Adds somebody who wants totals, and misses what ended before a look at them.
   *
   * @returns `hasRead`, to be called after each look, and what ends that
   */
  addReader(): { hasRead(): void; end(): void } {
    const reader = {};
    this.#lastReads.set(reader, Number.NEGATIVE_INFINITY);
    return {
      hasRead: () => void this.#lastReads.set(reader, monotonicMs()),
      end: () => void this.#lastReads.delete(reader),
    };
  }

  /** Has everybody who wants totals had them since? */
  isReadSince(ms: number): boolean {
    return [...this.#lastReads.values()].every((readMs) => readMs >= ms);
  }

  /** How many series there were when somebody last collected. */
  seriesCount(): number {
    return this.states().reduce((sum, { store }) => sum + store.size, 0);
  }

  states(): StreamState[] {
    return [...this.#states.values()].flat();
  }
}

/** The buckets a source counts in. */
export interface Grid {
  /** Upper bounds in ns, among them those of every view. */
  readonly gridNs: readonly number[];
  /** The bounds in µs where no view gives any, read at every {@link MetricRegistry.reshape}: a getter may change them. */
  readonly defaultBounds: readonly number[];
}

const NO_GRID: Grid = { gridNs: [], defaultBounds: [] };

function stateOf(stream: Stream, { gridNs, defaultBounds }: Grid, startTime: HrTime): StreamState {
  switch (stream.metric.kind) {
    case 'gauge':
      return { stream, store: new GaugeStorage(stream), toData: gaugeData(stream) };
    case 'counter':
      return { stream, store: new SeriesStorage(stream, 1, startTime), toData: counterData(stream) };
    case 'histogram': {
      const toData = histogramData(stream, gridNs, stream.bounds ?? defaultBounds);
      return { stream, store: new SeriesStorage(stream, gridNs.length + 2, startTime), toData };
    }
  }
}

function gaugeData(stream: Stream): StreamState['toData'] {
  return (series, _, endTime) => ({
    descriptor: descriptorOf(stream, ValueType.DOUBLE),
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.GAUGE,
    dataPoints: points(series, endTime, ([value = 0]) => value),
  });
}

function counterData(stream: Stream): StreamState['toData'] {
  const { perUnit = 1 } = stream.metric;
  return (series, { temporality: aggregationTemporality }, endTime) => ({
    descriptor: descriptorOf(stream, stream.metric.unit === '' ? ValueType.INT : ValueType.DOUBLE),
    aggregationTemporality,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: points(series, endTime, ([count = 0]) => count / perUnit),
  });
}

function histogramData(
  stream: Stream,
  gridNs: readonly number[],
  boundaries: readonly number[],
): StreamState['toData'] {
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

/** The counts of a histogram's totals in the coarser buckets of a fold table. */
function folded(totals: Float64Array, fold: readonly number[]): number[] {
  const counts = new Array<number>((fold.at(-1) ?? 0) + 1).fill(0);
  for (const [bucket, coarse] of fold.entries()) counts[coarse] = (counts[coarse] ?? 0) + (totals[bucket + 1] ?? 0);
  return counts;
}

function points<T>(all: Iterable<Series>, endTime: HrTime, value: (totals: Float64Array) => T): DataPoint<T>[] {
  return Array.from(all, (series) => {
    // The clock was set back behind its start. A point that starts where it ends tells that the start is not known.
    if (isAfter(series.startTime, endTime)) series.startTime = endTime;
    const { attributes, startTime, totals } = series;
    return { attributes, startTime, endTime, value: value(totals) };
  });
}

function descriptorOf(stream: Stream, valueType: ValueType): MetricData['descriptor'] {
  return { name: stream.name, description: stream.description, unit: stream.metric.unit, valueType };
}
