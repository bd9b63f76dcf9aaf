/**
 * The series of one stream: what came from the kernel by cgroup, added up by the attributes that the view keeps.
 *
 * A member (a cgroup's counts) only ever grows, and what it grew by is added to its series; so a series that stays
 * never goes backwards when one of its members ends. A series ends with its last member.
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { isAfter } from '../program/clock.ts';
import { isOverflow, keyOf, OVERFLOW } from './attributes.ts';
import { type Exemplar, latestOf } from './exemplar.ts';
import { addGrowth, Rows, raise } from './rows.ts';
import type { Stream } from './streams.ts';

/** One source of counts, cumulative since `startTime`. */
export interface Member {
  /** Unique for ever: a new cgroup in an old place has a new key. */
  readonly key: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly totals: ArrayLike<number>;
  /** Another series says the same. It begins no series of its own, and is only added to those of others. */
  readonly isRedundant?: boolean | undefined;
  /** Of a histogram: some of what it counted last, oldest first. */
  readonly exemplars?: readonly Exemplar[] | undefined;
}

export interface Series {
  readonly attributes: Attributes;
  /** Given once, and changed only where the clock was set back behind it. */
  startTime: HrTime;
  readonly totals: Float64Array;
  /** Another array once there are other ones. */
  readonly exemplars?: readonly Exemplar[];
}

/** When a series starts, for a point that ends at `endTime`. */
export function startOf(series: Series, endTime: HrTime): HrTime {
  // The wall clock was set back to before the start. A point whose start is its end has an unknown start.
  if (isAfter(series.startTime, endTime)) series.startTime = endTime;
  return series.startTime;
}

interface Growing extends Series {
  totals: Float64Array;
  exemplars: readonly Exemplar[];
  readonly key: string;
  members: number;
  /** The member whose counts the totals are; null from the second one on, and where others counted before it. */
  only: Owner | null;
}

interface Owner {
  readonly series: Growing;
  readonly startTime: HrTime;
  /** What the member has counted. The series' own totals while it is the only one, which halves what is kept. */
  seen: Float64Array;
  /** Of the member, before the stream's filter. */
  attributes: Attributes;
}

const NO_EXEMPLARS: readonly Exemplar[] = [];

/** How the samples of a stream become series. */
export interface Store {
  /** Before a collection. */
  begin(): void;
  update(members: Iterable<Member>): void;
  /** Takes what it needs of the member, which may be changed afterwards. */
  add(member: Member): void;
  /** The member is no more. */
  end(memberKey: string): void;
  /**
   * Goes on, while empty, where another store of the same metric is. Series with the labels that they had go on; others
   * begin with what their members have counted.
   */
  inherit(before: Store): void;
  /** Calls `listener` with each series that ends, its totals final. */
  onEnd(listener: (series: Series) => void): void;
  /** The series present. The array is never changed. */
  values(): readonly Series[];
  /** How many. */
  readonly size: number;
}

/** Counts that only grow. */
export class SeriesStorage implements Store {
  readonly #stream: Stream;
  readonly #overflowKey: string;
  readonly #rows: Rows;
  readonly #series = new Map<string, Growing>();
  /** Made when it is asked for, since series begin and end seldom. */
  #list: readonly Growing[] | null = null;
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
    this.#rows = new Rows(width);
    if (!stream.plain || stream.metric.attributes.length === 0) return;
    const attributes = stream.keep({});
    this.#begin(keyOf(attributes), attributes, startTime);
  }

  begin(): void {}

  update(members: Iterable<Member>): void {
    for (const member of members) this.add(member);
  }

  /** Adds what the member grew by since the last call. */
  add(member: Member): void {
    const known = this.#owners.get(member.key);
    if (known === undefined && member.isRedundant && this.#stream.isSeparate) return;
    const owner = known ?? this.#adopt(member);
    owner.attributes = member.attributes; // its container may be called by name from now on
    const { series } = owner;
    const { exemplars = NO_EXEMPLARS } = member;
    if (series.only === owner) {
      raise(series.totals, member.totals);
      series.exemplars = exemplars;
    } else {
      addGrowth(series.totals, owner.seen, member.totals);
      series.exemplars = latestOf(series.exemplars, exemplars);
    }
  }

  /** The member is no more. Its series ends with it, unless it has other members or is the plain one. */
  end(memberKey: string): void {
    const owner = this.#owners.get(memberKey);
    if (owner === undefined) return;
    this.#owners.delete(memberKey);
    const { series, seen } = owner;
    series.members--;
    if (series.only === owner) series.only = null;
    else this.#rows.give(seen);
    if (series.members > 0 || this.#stream.plain || isForever(series.attributes)) return;
    this.#series.delete(series.key);
    this.#list = null;
    const row = series.totals;
    if (this.#onEnd.length > 0) series.totals = row.slice();
    for (const listener of this.#onEnd) listener(series);
    this.#rows.give(row);
  }

  inherit(before: Store): void {
    if (!(before instanceof SeriesStorage)) return;
    // In the order of their arrival, so that within a limit the members that had a series of their own keep one.
    for (const [key, { attributes, startTime, seen }] of before.#owners) {
      this.add({ key, attributes, startTime, totals: seen });
    }
    // A series with the same labels is the same one for whoever reads it: its totals never fall.
    for (const [key, { attributes, startTime, totals }] of before.#series) {
      const isOfLimit = key === this.#overflowKey && this.#stream.limit < Number.POSITIVE_INFINITY;
      const series = isOfLimit ? this.#begin(key, attributes, startTime) : this.#series.get(key);
      if (series === undefined) continue;
      series.startTime = startTime;
      if (totals.every((total, index) => total === series.totals[index])) continue;
      this.#part(series);
      series.totals.set(totals);
    }
  }

  onEnd(listener: (series: Series) => void): void {
    this.#onEnd.push(listener);
  }

  values(): readonly Series[] {
    this.#list ??= [...this.#series.values()];
    return this.#list;
  }

  get size(): number {
    return this.#series.size;
  }

  #begin(key: string, attributes: Attributes, startTime: HrTime): Growing {
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const series = {
      key,
      attributes,
      startTime,
      totals: this.#rows.take(),
      exemplars: NO_EXEMPLARS,
      members: 0,
      only: null,
    };
    this.#series.set(key, series);
    this.#list = null;
    return series;
  }

  /** The totals are no longer those of one member. */
  #part(series: Growing): void {
    const { only, totals } = series;
    if (only === null) return;
    only.seen = this.#rows.take();
    only.seen.set(totals);
    series.only = null;
  }

  #attributesOf(member: Attributes): Attributes {
    const kept = this.#stream.keep(member);
    // A filter does not hide that this is the rest; only where there is nothing to tell it from, it is not said.
    return isOverflow(member) && !this.#stream.plain ? { ...kept, ...OVERFLOW } : kept;
  }

  #adopt({ key, attributes, startTime }: Member): Owner {
    let kept = this.#attributesOf(attributes);
    let seriesKey = keyOf(kept);
    // One place is kept for the overflow series, which counts in the limit.
    const others = this.#series.size - (this.#series.has(this.#overflowKey) ? 1 : 0);
    if (!this.#series.has(seriesKey) && !this.#stream.plain && others >= this.#stream.limit - 1) {
      kept = this.#stream.overflow;
      seriesKey = this.#overflowKey;
    }
    const isNew = !this.#series.has(seriesKey);
    const series = this.#begin(seriesKey, kept, startTime);
    this.#part(series);
    series.members++;
    const owner = { series, startTime, seen: isNew ? series.totals : this.#rows.take(), attributes };
    if (isNew) series.only = owner;
    this.#owners.set(key, owner);
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
    for (const member of members) this.add(member);
  }

  add({ attributes: all, startTime, totals }: Member): void {
    let attributes = this.#stream.keep(all);
    let key = keyOf(attributes);
    if (this.#series.has(key)) return;
    if (!this.#stream.plain && this.#series.size >= this.#stream.limit - 1) {
      attributes = this.#stream.overflow;
      key = keyOf(attributes);
    }
    if (!this.#series.has(key)) this.#series.set(key, { attributes, startTime, totals: Float64Array.from(totals) });
  }

  end(): void {}

  inherit(): void {}

  onEnd(): void {}

  values(): readonly Series[] {
    return [...this.#series.values()];
  }

  get size(): number {
    return this.#series.size;
  }
}

/** The series of everything, and the one of all the rest, are Floatie's own and stay. */
function isForever(attributes: Attributes): boolean {
  return Object.keys(attributes).length === 0 || isOverflow(attributes);
}
