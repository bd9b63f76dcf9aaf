/**
 * The series of one stream: what came from the kernel by cgroup, added up by the attributes that the view keeps.
 *
 * A member (a cgroup's counts) only ever grows, and what it grew by is added to its series; so a series that stays
 * never goes backwards when one of its members ends. A series ends with its last member.
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { isOverflow, keyOf, OVERFLOW } from './attributes.ts';
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
  /** Given once, and changed only where the clock was set back behind it. */
  startTime: HrTime;
  readonly totals: Float64Array;
}

interface Owner {
  readonly series: Series;
  readonly seriesKey: string;
  readonly startTime: HrTime;
  readonly seen: Float64Array;
  /** Of the member, before the stream's filter. */
  attributes: Attributes;
}

/** How the samples of a stream become series. */
export interface Store {
  /** Before a collection. */
  begin(): void;
  update(members: Iterable<Member>): void;
  /** The member is no more. */
  end(memberKey: string): void;
  /**
   * Goes on, while empty, where another store of the same metric is. Series with the labels that they had go on; others
   * begin with what their members have counted.
   */
  inherit(before: Store): void;
  /** Calls `listener` with each series that ends, its totals final. */
  onEnd(listener: (series: Series) => void): void;
  /** The series present. */
  values(): Iterable<Series>;
  /** How many. */
  readonly size: number;
}

/** Counts that only grow. */
export class SeriesStorage implements Store {
  readonly #stream: Stream;
  readonly #overflowKey: string;
  readonly #series = new Map<string, Series>();
  readonly #memberCount = new Map<string, number>();
  readonly #owners = new Map<string, Owner>();
  readonly #onEnd: ((series: Series) => void)[] = [];

  /**
   * A stream that the views and processors leave but one series has it from the start.
   *
   * @param width how many numbers a member's totals have
   */
  constructor(stream: Stream, width: number, startTime: HrTime) {
    this.#stream = stream;
    this.#overflowKey = keyOf(stream.overflow);
    if (!stream.plain || stream.metric.attributes.length === 0) return;
    this.#begin(stream.keep({}), startTime, width);
  }

  begin(): void {}

  /** Adds what the members grew by since the last call. */
  update(members: Iterable<Member>): void {
    for (const member of members) {
      const owner = this.#owners.get(member.key) ?? this.#adopt(member);
      const { series, seen } = owner;
      owner.attributes = member.attributes; // its container may be called by name from now on
      // At every scrape for every bucket of every cgroup: an iterator here would double what a scrape costs.
      for (let index = 0; index < member.totals.length; index++) {
        const total = member.totals[index] ?? 0;
        const growth = total - (seen[index] ?? 0);
        // In this order a sum does not fall beyond 2^53 either, where it is rounded; and a member that seems to have
        // fallen was not read well.
        if (growth <= 0) continue;
        series.totals[index] = (series.totals[index] ?? 0) + growth;
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
    if (remaining > 0 || this.#stream.plain || isForever(owner.series.attributes)) return;
    this.#memberCount.delete(owner.seriesKey);
    this.#series.delete(owner.seriesKey);
    for (const listener of this.#onEnd) listener(owner.series);
  }

  inherit(before: Store): void {
    if (!(before instanceof SeriesStorage)) return;
    // In the order of their arrival, so that within a limit the members that had a series of their own keep one.
    for (const [key, { attributes, startTime, seen }] of before.#owners) {
      this.update([{ key, attributes, startTime, totals: seen }]);
    }
    // A series with the same labels is the same one for whoever reads it: its totals never fall.
    for (const [key, { attributes, startTime, totals }] of before.#series) {
      const isOfLimit = key === this.#overflowKey && this.#stream.limit < Number.POSITIVE_INFINITY;
      const series = isOfLimit ? this.#begin(attributes, startTime, totals.length) : this.#series.get(key);
      if (series === undefined) continue;
      series.startTime = startTime;
      series.totals.set(totals);
    }
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

  #begin(attributes: Attributes, startTime: HrTime, width: number): Series {
    const key = keyOf(attributes);
    const series = this.#series.get(key) ?? { attributes, startTime, totals: new Float64Array(width) };
    this.#series.set(key, series);
    return series;
  }

  #attributesOf(member: Attributes): Attributes {
    const kept = this.#stream.keep(member);
    // A filter does not hide that this is the rest; only where there is nothing to tell it from, it is not said.
    return isOverflow(member) && !this.#stream.plain ? { ...kept, ...OVERFLOW } : kept;
  }

  #adopt(member: Member): Owner {
    let attributes = this.#attributesOf(member.attributes);
    let seriesKey = keyOf(attributes);
    // One place is kept for the overflow series, which counts in the limit.
    const others = this.#series.size - (this.#series.has(this.#overflowKey) ? 1 : 0);
    if (!this.#series.has(seriesKey) && !this.#stream.plain && others >= this.#stream.limit - 1) {
      attributes = this.#stream.overflow;
      seriesKey = this.#overflowKey;
    }
    const { startTime } = member;
    const series = this.#begin(attributes, startTime, member.totals.length);
    this.#memberCount.set(seriesKey, (this.#memberCount.get(seriesKey) ?? 0) + 1);
    const seen = new Float64Array(member.totals.length);
    const owner = { series, seriesKey, startTime, seen, attributes: member.attributes };
    this.#owners.set(member.key, owner);
    return owner;
  }
}

/**
 * Values that are measured anew at every collection. Where a view gives several of them the same attributes, the first
 * stays: receivers give the host before its containers.
 */
export class GaugeStorage implements Store {
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
      if (isNew && !this.#stream.plain && this.#series.size >= this.#stream.limit - 1)
        attributes = this.#stream.overflow;
      const key = keyOf(attributes);
      if (!this.#series.has(key)) this.#series.set(key, { attributes, startTime, totals: Float64Array.from(totals) });
    }
  }

  end(): void {}

  inherit(): void {}

  onEnd(): void {}

  values(): Iterable<Series> {
    return this.#series.values();
  }

  get size(): number {
    return this.#series.size;
  }
}

/** The series of everything, and the one of all the rest, are Floatie's own and stay. */
function isForever(attributes: Attributes): boolean {
  return Object.keys(attributes).length === 0 || isOverflow(attributes);
}
