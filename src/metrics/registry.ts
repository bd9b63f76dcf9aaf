/**
 * The registry of all metrics: sources give samples, views make streams of them, each stream has a storage. All readers
 * share it; temporality.ts knows what each reader has seen.
 */
import type { HrTime } from '@opentelemetry/api';

import { monotonicMs, toHrTime, wallMs } from '../program/clock.ts';
import { inSteps } from '../program/steps.ts';
import type { Metric } from './catalogue.ts';
import { type Grid, metricDataOf, type ToData } from './metric-data.ts';
import { GaugeStorage, type Member, type Series, SeriesStorage, type Store } from './storage.ts';
import { type Stream, type StreamOptions, streamsOf } from './streams.ts';

/**
 * A member's values for one metric: `[value]` of a counter or gauge, `[sum, ...buckets]` of a histogram. Counters and sums
 * are whole numbers, {@link Metric.perUnit} of which make one unit.
 */
export interface Sample {
  readonly metric: Metric;
  readonly member: Member;
}

/** A source of samples: a receiver that has named its counts. */
export interface Source {
  readonly metrics: readonly Metric[];
  /**
   * All current samples. Other work may come between two of them. Each is good until the next one is asked for, since its
   * totals may be a buffer that is used again; a gauge is good for longer. null is no sample: it lets other work come in
   * between where a source has looked at much without one.
   */
  read(): Iterable<Sample | null>;
}

/** One metric stream, shared by all readers. */
export interface StreamState {
  readonly stream: Stream;
  readonly store: Store;
  readonly toData: ToData;
}

export class MetricRegistry {
  readonly #sources: Source[] = [];
  readonly #added = new Map<string, { readonly metric: Metric; readonly startTime: HrTime; readonly grid: Grid }>();
  readonly #states = new Map<string, StreamState[]>();
  /** When the last collection of each reader of totals began, in ms of CLOCK_MONOTONIC. */
  readonly #lastReads = new Map<object, number>();
  /** A reading in steps that goes on. */
  #underWay: Promise<void> | null = null;
  #isClosed = false;
  readonly #onReading = new Set<() => void>();
  readonly #onEnd = new Set<(state: StreamState, series: Series) => void>();
  #views: readonly StreamOptions[];

  constructor(views: readonly StreamOptions[]) {
    this.#views = views;
  }

  /** Adds a source. `grid` describes its histograms. Several sources can share a metric. */
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
  reshape(views: readonly StreamOptions[]): void {
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

  /** Reads every source, also when another source throws; then throws that error. */
  refresh(): void {
    for (const _ of this.#reading());
  }

  /**
   * As {@link refresh}, in steps, one call after the other.
   *
   * @param report is gone through before another call begins, also when a source throws
   * @returns when it began, in ms of CLOCK_MONOTONIC: later counts may be missing
   */
  async refreshInSteps(report: Iterable<unknown> = []): Promise<number> {
    while (this.#underWay !== null) await this.#underWay.catch(() => undefined);
    const began = monotonicMs();
    this.#underWay = inSteps(this.#readingFor(report)).finally(() => {
      this.#underWay = null;
    });
    await this.#underWay;
    return began;
  }

  *#readingFor(report: Iterable<unknown>): Generator<unknown> {
    try {
      yield* this.#reading();
    } finally {
      yield* report;
    }
  }

  *#reading(): Generator<void> {
    for (const listener of this.#onReading) listener();
    const errors: unknown[] = [];
    // Together at the end: at any time there are all gauges of one reading.
    const gauges: Sample[] = [];
    for (const source of this.#isClosed ? [] : this.#sources) {
      try {
        for (const sample of source.read()) {
          if (sample?.metric.kind === 'gauge') gauges.push(sample);
          else if (sample !== null) this.#add(sample);
          yield;
          if (this.#isClosed) return;
        }
      } catch (error) {
        errors.push(error);
      }
    }
    for (const { store } of this.states()) store.begin();
    this.record(gauges);
    if (errors.length > 0) throw new AggregateError(errors, 'Cannot read every receiver');
  }

  /** No source is read any more, also not by a reading under way: call before receivers are stopped. */
  close(): void {
    this.#isClosed = true;
  }

  record(samples: Iterable<Sample>): void {
    for (const sample of samples) this.#add(sample);
  }

  /** Records the last counts of removed members, and ends them. */
  end(samples: Iterable<Sample>): void {
    for (const sample of samples) {
      this.#add(sample);
      for (const { store } of this.#states.get(sample.metric.name) ?? []) store.end(sample.member.key);
    }
  }

  #add({ metric, member }: Sample): void {
    for (const { store } of this.#states.get(metric.name) ?? []) store.add(member);
  }

  /**
   * Calls `listener` with each ending series and its final totals, also for sources that are added later.
   *
   * @returns a function that removes the listener
   */
  onEnd(listener: (state: StreamState, series: Series) => void): () => void {
    this.#onEnd.add(listener);
    return () => this.#onEnd.delete(listener);
  }

  /** Calls `listener` when sources are about to be read. */
  onReading(listener: () => void): void {
    this.#onReading.add(listener);
  }

  /**
   * Adds a reader of totals, which misses series that end before its next collection.
   *
   * @returns `hasRead`, to call after each collection with the time when it began, and `end`, which removes the reader
   */
  addReader(): { hasRead(sinceMs: number): void; end(): void } {
    const reader = {};
    this.#lastReads.set(reader, Number.NEGATIVE_INFINITY);
    return {
      hasRead: (sinceMs) => void this.#lastReads.set(reader, sinceMs),
      end: () => void this.#lastReads.delete(reader),
    };
  }

  /** Whether all readers of totals have collected since a time, in ms of CLOCK_MONOTONIC. */
  isReadSince(ms: number): boolean {
    return [...this.#lastReads.values()].every((readMs) => readMs >= ms);
  }

  /** The number of series at the last collection. */
  seriesCount(): number {
    return this.states().reduce((sum, { store }) => sum + store.size, 0);
  }

  states(): StreamState[] {
    return [...this.#states.values()].flat();
  }
}

const NO_GRID: Grid = { gridNs: [], defaultBounds: [] };

function stateOf(stream: Stream, grid: Grid, startTime: HrTime): StreamState {
  const width = stream.metric.kind === 'histogram' ? grid.gridNs.length + 2 : 1;
  const isGauge = stream.metric.kind === 'gauge';
  const store = isGauge ? new GaugeStorage(stream) : new SeriesStorage(stream, width, startTime);
  return { stream, store, toData: metricDataOf(stream, grid) };
}
