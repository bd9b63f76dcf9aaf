/** Counts events by names and owner, with a bound on the names of each place. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { attributesOf } from '../containers/attributes.ts';
import type { Identity } from '../containers/identity.ts';
import { placeOf } from '../containers/place.ts';
import { toHrTime, wallMs } from '../program/clock.ts';

/** Attributes besides the owner's, and how many series a place may have before they are given up for the next ones. */
export type Names = readonly [attributes: Attributes, bound: number];

export interface RecentSeries {
  /** Unique: a new series with the attributes of an ended one has another key. */
  readonly key: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly count: number;
}

interface Growing extends RecentSeries {
  count: number;
  lastMs: number;
  /** The place whose bounds the series counts towards. */
  readonly place: string;
}

/** Replaces names beyond the bounds. */
export const OTHER = 'other';

export class RecentCounts {
  /** The number of series that {@link retire} leaves. */
  maxSeries: number;
  /** Series by attributes, the one with the oldest last event first. */
  readonly #series = new Map<string, Growing>();
  readonly #sizes = new Map<string, number>();
  #born = 0;
  #folded = 0;

  constructor(maxSeries: number) {
    this.maxSeries = maxSeries;
  }

  /** The number of events that are counted without names because of the bounds. */
  get folded(): number {
    return this.#folded;
  }

  /**
   * @param choices the names, then those that give up some of them
   * @param last where no choice has room, with the place as owner
   */
  count(choices: readonly Names[], last: Attributes, owner: Identity, nowMs: number): void {
    const { place, whole } = placeOf(owner);
    const size = this.#sizes.get(place) ?? 0;
    const owned = choices.map(([names, bound]): Names => [{ ...names, ...attributesOf(owner) }, bound]);
    const all: readonly Names[] = [...owned, [{ ...last, ...attributesOf(whole) }, Number.POSITIVE_INFINITY]];
    for (const [at, [attributes, bound]] of all.entries()) {
      const name = JSON.stringify(attributes);
      if (!this.#series.has(name) && size >= bound) continue;
      if (at > 0) this.#folded++;
      this.#add(name, attributes, place, nowMs);
      return;
    }
  }

  values(): Iterable<RecentSeries> {
    return this.#series.values();
  }

  /** Ends series that are too old, then those of the places that have most. */
  retire(nowMs: number, retainMs: number): RecentSeries[] {
    const ended: RecentSeries[] = [];
    for (const [name, { lastMs }] of this.#series) {
      if (nowMs - lastMs < retainMs) break; // all others are younger
      ended.push(this.#end(name));
    }
    while (this.#series.size > this.maxSeries) {
      const most = Math.max(...this.#sizes.values());
      for (const [name, { place }] of this.#series) {
        if (this.#sizes.get(place) !== most) continue;
        ended.push(this.#end(name));
        break;
      }
    }
    return ended;
  }

  #add(name: string, attributes: Attributes, place: string, nowMs: number): void {
    const known = this.#series.get(name);
    const series = known ?? {
      key: `${this.#born++}:${name}`,
      ...{ attributes, startTime: toHrTime(wallMs()), count: 0, lastMs: nowMs, place },
    };
    if (known === undefined) this.#sizes.set(place, (this.#sizes.get(place) ?? 0) + 1);
    series.count++;
    series.lastMs = nowMs;
    // Moves it to the end of the insertion order.
    this.#series.delete(name);
    this.#series.set(name, series);
  }

  #end(name: string): RecentSeries {
    const series = this.#series.get(name) as Growing;
    this.#series.delete(name);
    const size = (this.#sizes.get(series.place) ?? 1) - 1;
    if (size === 0) this.#sizes.delete(series.place);
    else this.#sizes.set(series.place, size);
    return series;
  }
}
