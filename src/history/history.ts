/** A history of the last five minutes of each container, in memory, from what the receivers count anyway. */
import type { Attributes } from '@opentelemetry/api';
import type { Metric } from '../metrics/catalogue.ts';
import type { Sample, Source } from '../metrics/registry.ts';
import { monotonicMs, wallMs } from '../program/clock.ts';
import { inSteps } from '../program/steps.ts';
import { type Column, columnOf, KILLS } from './columns.ts';
import { ContainerHistory } from './container.ts';
import { foldOf } from './durations.ts';
import { STEP_S, STEPS } from './schema.ts';
import { Usages } from './usages.ts';

/** How many containers have a history, at some 30 kB each. */
const MAX_CONTAINERS = 1000;
export const STEP_MS = STEP_S * 1000;

/** Counts that begin with Floatie, and cost no system call to read. */
export interface Feed extends Pick<Source, 'metrics' | 'read'> {
  /** Upper bounds of the buckets of its histograms, in ns. */
  readonly gridNs?: readonly number[];
}

export interface HistoryOptions {
  /** Whether a cgroup exists; true where that is unknown. */
  readonly exists?: (cgroup: string) => boolean;
  /** For tests. */
  readonly maxContainers?: number;
}

/** The end of a step. */
interface End {
  readonly wallMs: number;
  readonly lengthS: number;
}

export class History {
  readonly usages = new Usages();
  readonly #options: HistoryOptions;
  readonly #feeds: { readonly feed: Feed; readonly fold: readonly number[] }[] = [];
  readonly #containers = new Map<string, ContainerHistory>();
  /** The ends of the last steps, oldest first. */
  readonly #ends: End[] = [];
  /** The step that goes on. */
  #step = 0;
  #beganMs = monotonicMs();
  readonly #keys = new WeakMap<Attributes, string | null>();
  readonly #columns = new WeakMap<Attributes, Map<Metric, Column | null>>();
  /** What found no room in the last step, and in the one that goes on. */
  #refused = new Set<string>();
  #leftOut = 0;

  constructor(options: HistoryOptions = {}) {
    this.#options = options;
  }

  /** Reads these counts at the end of each step. */
  follow(feed: Feed): void {
    this.#feeds.push({ feed, fold: foldOf(feed.gridNs ?? []) });
  }

  /** Takes the values of a container that are read now and then, such as those of its files. */
  take(samples: Iterable<Sample>): void {
    for (const sample of samples) this.#take(sample, NO_FOLD, this.#isRecent(sample));
  }

  /** Call every {@link STEP_MS}. Everything else has its turn meanwhile. */
  async endStep(): Promise<void> {
    for (const { feed, fold } of this.#feeds) await inSteps(this.#reading(feed, fold));
    const now = monotonicMs();
    const step = this.#step++;
    this.#ends.push({ wallMs: wallMs(), lengthS: (now - this.#beganMs) / 1000 });
    if (this.#ends.length > STEPS) this.#ends.shift();
    this.#beganMs = now;
    for (const container of this.#containers.values()) {
      container.end(step);
      container.forget(step - STEPS);
      container.isGone = this.#options.exists?.(`${container.attributes.cgroup}`) === false;
    }
    this.#dropOld(step);
    this.#leftOut = this.#refused.size;
    this.#refused = new Set();
  }

  /** The number of the last step that has ended; -1 before the first one. */
  get last(): number {
    return this.#step - 1;
  }

  /** The ends of the last steps, oldest first. */
  get ends(): readonly End[] {
    return this.#ends;
  }

  /** By container id or, without one, cgroup. */
  get containers(): ReadonlyMap<string, ContainerHistory> {
    return this.#containers;
  }

  /** Whether a receiver counts OOM kills. */
  get countsKills(): boolean {
    return this.#feeds.some(({ feed }) => feed.metrics.some(({ name }) => name === KILLS));
  }

  /** How many containers, or counters of one, found no room in the last step. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Of the typed arrays. */
  get bytes(): number {
    return [...this.#containers.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  *#reading(feed: Feed, fold: readonly number[]): Generator<void> {
    for (const sample of feed.read()) {
      this.#take(sample, fold, true);
      yield;
    }
  }

  #take({ metric, member }: Sample, fold: readonly number[], isNew: boolean): void {
    const { attributes } = member;
    const key = this.#keyOf(attributes);
    const column = key === null ? null : this.#columnOf(metric, attributes);
    if (key === null || column === null) return;
    const container = this.#containers.get(key) ?? this.#begin(key, attributes);
    if (container === null) return;
    // Its container may be called by name from now on.
    if (isNamedBetter(attributes, container.attributes)) container.attributes = attributes;
    if (!container.take(metric, member, column, this.#step, fold, isNew)) this.#refuse(`${key} ${metric.name}`);
  }

  #begin(key: string, attributes: Attributes): ContainerHistory | null {
    const { maxContainers = MAX_CONTAINERS } = this.#options;
    if (this.#containers.size >= maxContainers) {
      const [gone] = [...this.#containers].find(([, { isGone }]) => isGone) ?? [];
      if (gone === undefined) {
        this.#refuse(key);
        return null;
      }
      this.#containers.delete(gone);
    }
    const container = new ContainerHistory(attributes, this.#step);
    this.#containers.set(key, container);
    return container;
  }

  #refuse(what: string): void {
    if (this.#refused.size < MAX_CONTAINERS * 10) this.#refused.add(what);
  }

  #dropOld(step: number): void {
    for (const [key, { lastStep }] of this.#containers) if (lastStep < step - STEPS) this.#containers.delete(key);
  }

  /** null for what is no container's. */
  #keyOf(attributes: Attributes): string | null {
    const known = this.#keys.get(attributes);
    if (known !== undefined) return known;
    const key = attributes['container.id'] ?? attributes.cgroup ?? null;
    const text = key === null ? null : `${key}`;
    this.#keys.set(attributes, text);
    return text;
  }

  #columnOf(metric: Metric, attributes: Attributes): Column | null {
    const columns = this.#columns.get(attributes) ?? new Map<Metric, Column | null>();
    const known = columns.get(metric);
    if (known !== undefined) return known;
    const column = columnOf(metric, attributes);
    columns.set(metric, column);
    this.#columns.set(attributes, columns);
    return column;
  }

  /** Whether a member began since the end of the step before last: it is read at least once in a step. */
  #isRecent({ member: { startTime } }: Sample): boolean {
    const { wallMs: sinceMs } = this.#ends.at(-2) ?? { wallMs: Number.POSITIVE_INFINITY };
    return startTime[0] * 1000 + startTime[1] / 1e6 >= sinceMs;
  }
}

const NO_FOLD: readonly number[] = [];

/** Names come later than ids; of a container's own cgroup and those inside, the outermost one names it. */
function isNamedBetter(now: Attributes, before: Attributes): boolean {
  if (now === before) return false;
  const depth = ({ cgroup }: Attributes): number => `${cgroup}`.length;
  if (depth(now) !== depth(before)) return depth(now) < depth(before);
  return now['container.name'] !== undefined && before['container.name'] === undefined;
}
