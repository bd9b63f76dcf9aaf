/** The history of a container as an answer tells it. */
import type { ContainerHistory } from './container.ts';
import type { Counts } from './counts.ts';
import { BOUNDS_US } from './durations.ts';
import type { History } from './history.ts';
import { MINUTE, STEPS } from './schema.ts';

export interface Asked {
  /** The keys of containers; without it: all of them. */
  readonly wanted?: ReadonlySet<string>;
  /** How many containers at most, those that waited longest. */
  readonly limit?: number;
  /** How many steps each series has at most. */
  readonly steps?: number;
  /** Whether series have the buckets of durations, too. */
  readonly hasBuckets?: boolean;
}

/** A number of steps up to a last one, or of seconds. */
export interface Window {
  /** null: nothing was counted in them. */
  readonly counts: Counts | null;
  readonly last: number;
  readonly steps: number;
  readonly lengthS: number;
}

/** The last ten seconds while somebody looks, else the last step. */
export function momentOf({ seconds, ends, last }: History, container?: ContainerHistory): Window {
  if (seconds === null) return { counts: container?.steps ?? null, last, steps: 1, lengthS: ends.at(-1)?.lengthS ?? 0 };
  const { length: steps } = seconds.ends;
  return { counts: container?.seconds ?? null, last: seconds.last, steps, lengthS: lengthOf(seconds.ends) };
}

/** A container's columns over the last steps. */
export class View {
  readonly container: ContainerHistory;
  readonly history: History;
  readonly moment: Window;
  readonly minute: Window;
  readonly hasBuckets: boolean;
  /** The steps that series have. */
  readonly #steps: readonly number[];

  constructor(container: ContainerHistory, history: History, steps: number, { hasBuckets = false }: Asked) {
    this.container = container;
    this.history = history;
    this.hasBuckets = hasBuckets;
    this.#steps = Array.from({ length: steps }, (_, at) => history.last - steps + 1 + at);
    this.moment = momentOf(history, container);
    const ends = history.ends.slice(-MINUTE);
    this.minute = { counts: container.steps, last: history.last, steps: ends.length, lengthS: lengthOf(ends) };
  }

  /** The last steps, oldest first. `unset` stands for a step of which nothing was counted. */
  series(name: string, unset: number | null): (number | null)[] {
    return this.#steps.map((step) => {
      if (step < this.container.since) return null;
      const value = this.container.steps.rings.get(name, step);
      return value === null ? unset : round(value);
    });
  }

  /** The same for each bucket of an operation's durations that has any, from the fastest on. */
  buckets(op: string): { readonly le_us?: number; readonly counts: (number | null)[] }[] {
    const { container, history } = this;
    const durations = container.steps.durations.get(op);
    if (durations === undefined) return [];
    const columns = this.#steps.map((step) => {
      if (step < container.since) return null;
      return step === history.last ? durations.of(step, 1) : durations.kept(step);
    });
    return [...BOUNDS_US, undefined].flatMap((le, bucket) => {
      const counts = columns.map((column) => (column === null ? null : (column[bucket] ?? 0)));
      return counts.some((count) => count !== null && count > 0)
        ? [{ ...(le !== undefined && { le_us: le }), counts }]
        : [];
    });
  }

  /** In the last five minutes. */
  sum(name: string): number {
    const { last } = this.history;
    return sumOf({ counts: this.container.steps, last, steps: STEPS, lengthS: 0 }, name);
  }

  /** The last value that is known, and was so within a number of steps. */
  latest(name: string, steps = MINUTE): number | undefined {
    const { last } = this.history;
    for (let step = last; step > last - steps && step >= 0; step--) {
      const value = this.container.steps.rings.get(name, step);
      if (value !== null) return round(value);
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.container.steps.rings.has(name);
  }
}

export function sumOf({ counts, last, steps }: Window, name: string): number {
  let sum = 0;
  for (let step = Math.max(last - steps + 1, 0); step <= last; step++) sum += counts?.rings.get(name, step) ?? 0;
  return round(sum);
}

export function lengthOf(ends: readonly { readonly lengthS: number }[]): number {
  return ends.reduce((sum, { lengthS }) => sum + lengthS, 0);
}

/** Numbers are kept with seven digits; more would be noise. Whole ones are exact. */
export function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(7));
}
