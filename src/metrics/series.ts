/**
 * The series of one stream: what came from the kernel by cgroup, added up by the attributes that the view keeps.
 *
 * A member (a cgroup's counts) only ever grows, and what it grew by is added to its series; so a series that stays
 * never goes backwards when one of its members ends. A series ends with its last member.
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { Stream } from './streams.ts';

/** One source of counts, cumulative since `startTime`. */
export interface Member {
  /** Unique for ever: a new cgroup in an old place has a new key. */
  readonly key: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly totals: ArrayLike<number>;
}

export interface Series {
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly totals: Float64Array;
}

/** The attribute OpenTelemetry defines for the series that takes what does not fit, in the kernel or in a view. */
export const OVERFLOW: Attributes = { 'otel.metric.overflow': true };

const OVERFLOW_KEY = keyOf(OVERFLOW);

interface Owner {
  readonly series: Series;
  readonly seriesKey: string;
  readonly seen: Float64Array;
}

/** How the samples of a stream become series. */
export interface Store {
  /** Before a collection. */
  begin(): void;
  update(members: Iterable<Member>): void;
  /** The member is no more. */
  end(memberKey: string): void;
  /** Calls `listener` with each series that ends, its totals final. */
  onEnd(listener: (series: Series) => void): void;
  /** The series present. */
  values(): Iterable<Series>;
  /** How many. */
  readonly size: number;
}

/** Counts that only grow. */
export class SeriesStore implements Store {
  readonly #stream: Stream;
  readonly #series = new Map<string, Series>();
  readonly #memberCount = new Map<string, number>();
  readonly #owners = new Map<string, Owner>();
  readonly #onEnd: ((series: Series) => void)[] = [];

  /**
   * A stream that keeps no attribute has its one series from the start.
   *
   * @param width how many numbers a member's totals have
   */
  constructor(stream: Stream, width: number, startTime: HrTime) {
    this.#stream = stream;
    if (!stream.plain) return;
    this.#series.set(keyOf({}), { attributes: {}, startTime, totals: new Float64Array(width) });
  }

  begin(): void {}

  /** Adds what the members grew by since the last call. */
  update(members: Iterable<Member>): void {
    for (const member of members) {
      const { series, seen } = this.#owners.get(member.key) ?? this.#adopt(member);
      // At every scrape for every bucket of every cgroup: an iterator here would double what a scrape costs.
      for (let index = 0; index < member.totals.length; index++) {
        const total = member.totals[index] ?? 0;
        series.totals[index] = (series.totals[index] ?? 0) + total - (seen[index] ?? 0);
        seen[index] = total;
      }
    }
  }

  /** The member is no more. Its series ends with it, unless it has other members or is the plain one. */
  end(memberKey: string): void {
    const owner = this.#owners.get(memberKey);
    if (owner === undefined) return;
    this.#owners.delete(memberKey);
    const remaining = (this.#memberCount.get(owner.seriesKey) ?? 1) - 1;
    this.#memberCount.set(owner.seriesKey, remaining);
    if (remaining > 0 || isForever(owner.series)) return;
    this.#memberCount.delete(owner.seriesKey);
    this.#series.delete(owner.seriesKey);
    for (const listener of this.#onEnd) listener(owner.series);
  }

  onEnd(listener: (series: Series) => void): void {
    this.#onEnd.push(listener);
  }

  values(): Iterable<Series> {
    return this.#series.values();
  }

  get size(): number {
    return this.#series.size;
  }

  #adopt(member: Member): Owner {
    let attributes = this.#stream.keep(member.attributes);
    // A filter does not hide that this is the rest; only where there is nothing to tell it from, it is not said.
    if (isOverflow(member.attributes) && !this.#stream.plain) attributes = { ...attributes, ...OVERFLOW };
    let seriesKey = keyOf(attributes);
    // One place is kept for the overflow series, which counts in the limit.
    const others = this.#series.size - (this.#series.has(OVERFLOW_KEY) ? 1 : 0);
    if (!this.#series.has(seriesKey) && !this.#stream.plain && others >= this.#stream.limit - 1) {
      attributes = OVERFLOW;
      seriesKey = OVERFLOW_KEY;
    }
    let series = this.#series.get(seriesKey);
    if (series === undefined) {
      series = { attributes, startTime: member.startTime, totals: new Float64Array(member.totals.length) };
      this.#series.set(seriesKey, series);
    }
    this.#memberCount.set(seriesKey, (this.#memberCount.get(seriesKey) ?? 0) + 1);
    const owner = { series, seriesKey, seen: new Float64Array(member.totals.length) };
    this.#owners.set(member.key, owner);
    return owner;
  }
}

/**
 * Values that are measured anew at every collection. Where a view gives several of them the same attributes, the first
 * stays: receivers give the host before its containers.
 */
export class GaugeStore implements Store {
  readonly #stream: Stream;
  readonly #series = new Map<string, Series>();

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  begin(): void {
    this.#series.clear();
  }

  update(members: Iterable<Member>): void {
    for (const { attributes: all, startTime, totals } of members) {
      let attributes = this.#stream.keep(all);
      const isNew = !this.#series.has(keyOf(attributes));
      if (isNew && !this.#stream.plain && this.#series.size >= this.#stream.limit - 1) attributes = OVERFLOW;
      const key = keyOf(attributes);
      if (!this.#series.has(key)) this.#series.set(key, { attributes, startTime, totals: Float64Array.from(totals) });
    }
  }

  end(): void {}

  onEnd(): void {}

  values(): Iterable<Series> {
    return this.#series.values();
  }

  get size(): number {
    return this.#series.size;
  }
}

/** The series of everything, and the one of all the rest, are Floatie's own and stay. */
function isForever(series: Series): boolean {
  return Object.keys(series.attributes).length === 0 || isOverflow(series.attributes);
}

function isOverflow(attributes: Attributes): boolean {
  return attributes['otel.metric.overflow'] === true;
}

/** The same for the same attributes, in whatever order. */
export function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
