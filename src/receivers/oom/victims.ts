/** How often processes were killed, by their names and whose they were; bounded whatever names a container makes up. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { attributesOf } from '../../containers/attributes.ts';
import type { Identity } from '../../containers/identity.ts';
import { placeOf } from '../../containers/place.ts';
import { toHrTime, wallMs } from '../../program/clock.ts';

/** How a kill is counted beside whose it was. */
export interface KillNames {
  readonly trigger_comm: string;
  readonly victim_comm: string;
  readonly scope: string;
}

export interface VictimSeries {
  /** Unique: when the series ended and the same attributes come again, that is a new one. */
  readonly key: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly count: number;
}

interface Growing extends VictimSeries {
  count: number;
  lastMs: number;
  /** Shares the bounds with whatever else is of this place. */
  readonly place: string;
}

/** What stands for the names that are too many. */
const OTHER = 'other';
/** How many series one place may have with all names, and how many with those of victims alone. */
const MAX_PAIRS = 100;
const MAX_VICTIMS = 200;

export class OomVictims {
  /** How many {@link retire} leaves. */
  maxSeries: number;
  /** By attributes, the least recently killed first. */
  readonly #series = new Map<string, Growing>();
  readonly #sizes = new Map<string, number>();
  #born = 0;
  #folded = 0;

  constructor(maxSeries: number) {
    this.maxSeries = maxSeries;
  }

  /** Kills that are counted without their names, since their place has too many. */
  get folded(): number {
    return this.#folded;
  }

  count(names: KillNames, owner: Identity, nowMs: number): void {
    const { place, whole } = placeOf(owner);
    const size = this.#sizes.get(place) ?? 0;
    const all = { ...names, ...attributesOf(owner) };
    // A trigger can be of another container, and must not cost the victim its name.
    const choices: readonly (readonly [Attributes, number])[] = [
      [all, MAX_PAIRS],
      [{ ...all, trigger_comm: OTHER }, MAX_VICTIMS],
      [{ ...names, trigger_comm: OTHER, victim_comm: OTHER, ...attributesOf(whole) }, Number.POSITIVE_INFINITY],
    ];
    for (const [attributes, bound] of choices) {
      const name = JSON.stringify(attributes);
      if (!this.#series.has(name) && size >= bound) continue;
      if (attributes !== all) this.#folded++;
      this.#add(name, attributes, place, nowMs);
      return;
    }
  }

  values(): Iterable<VictimSeries> {
    return this.#series.values();
  }

  /** Ends the series that are too old and, of the places that have most, those that are too many. */
  retire(nowMs: number, retainMs: number): VictimSeries[] {
    const ended: VictimSeries[] = [];
    for (const [name, { lastMs }] of this.#series) {
      if (nowMs - lastMs < retainMs) break; // all others were killed later
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
    // Last in the order of insertion.
    this.#series.delete(name);
    this.#series.set(name, series);
  }

  #end(name: string): VictimSeries {
    const series = this.#series.get(name) as Growing;
    this.#series.delete(name);
    const size = (this.#sizes.get(series.place) ?? 1) - 1;
    if (size === 0) this.#sizes.delete(series.place);
    else this.#sizes.set(series.place, size);
    return series;
  }
}
