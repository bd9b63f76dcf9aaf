/** Where counts come from, and what of them was taken before. */
import type { Attributes } from '@opentelemetry/api';
import type { Metric } from '../metrics/catalogue.ts';
import type { Sample } from '../metrics/registry.ts';
import type { ContainerHistory, Seen } from './container.ts';
import { emptyCounts, foldOf } from './durations.ts';

/** Counts that begin with Floatie, and cost no system call to read. */
export interface Feed {
  readonly metrics: readonly Metric[];
  /** Upper bounds of the buckets of its histograms, in ns. */
  readonly gridNs?: readonly number[];
  read(): Iterable<Counted>;
}

/** The counts of one cgroup or series. Most do not change in a step, and are not looked at then. */
export interface Counted {
  /** Unique in its feed, for ever. */
  readonly key: string;
  /** Changes with the counts. */
  readonly version: number;
  readonly attributes: Attributes;
  /** Each is good until the next one is asked for. */
  samples(): Iterable<Sample>;
}

/** A sample that is counted alone. A gauge is set anew in each step. */
export function countedAlone(sample: Sample): Counted {
  const { metric, member } = sample;
  return {
    key: `${metric.name} ${member.key}`,
    version: metric.kind === 'gauge' ? Number.NaN : Array.from(member.totals).reduce((sum, total) => sum + total, 0),
    attributes: member.attributes,
    samples: () => [sample],
  };
}

/** What was taken of a {@link Counted}. */
export class Taken {
  readonly key: string;
  /** NaN where something found no room, so that it is tried again. */
  version = Number.NaN;
  attributes: Attributes | null = null;
  /** The last step in which the feed had it. */
  step = 0;
  readonly #seen = new Map<string, Seen>();
  #container: ContainerHistory | null = null;

  constructor(key: string) {
    this.key = key;
  }

  /** Its counters are now among those of this container; null: of none. */
  moveTo(container: ContainerHistory | null): void {
    if (this.#container === container) return;
    if (this.#container !== null) this.#container.counters -= this.#seen.size;
    if (container !== null) container.counters += this.#seen.size;
    this.#container = container;
  }

  /** What was seen of a counter; null where its container has no room for a further one. */
  seenOf({ metric, member }: Sample): { readonly seen: Seen; readonly isFirst: boolean } | null {
    const key = `${metric.name} ${member.key}`;
    const known = this.#seen.get(key);
    if (known !== undefined) return { seen: known, isFirst: false };
    if (this.#container === null || !this.#container.hasRoom) return null;
    const seen = { counts: metric.kind === 'histogram' ? emptyCounts() : null, total: 0 };
    this.#seen.set(key, seen);
    this.#container.counters++;
    return { seen, isFirst: true };
  }
}

/** What was taken of a feed, by keys. */
export class Takings {
  /** For each bucket of its histograms, the bucket of a history. */
  readonly fold: readonly number[];
  readonly #all = new Map<string, Taken>();

  constructor({ gridNs = [] }: Pick<Feed, 'gridNs'> = {}) {
    this.fold = foldOf(gridNs);
  }

  of(key: string, step: number): Taken {
    const known = this.#all.get(key);
    const taken = known ?? new Taken(key);
    if (known === undefined) this.#all.set(key, taken);
    taken.step = step;
    return taken;
  }

  /** Forgets what the feed has not had since a step. */
  forget(before: number): void {
    for (const taken of this.#all.values()) {
      if (taken.step >= before) continue;
      taken.moveTo(null);
      this.#all.delete(taken.key);
    }
  }
}
