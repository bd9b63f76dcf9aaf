/** A history of the last five minutes of each container, in memory, from what the receivers count anyway. */
import type { Attributes } from '@opentelemetry/api';
import type { Metric } from '../metrics/catalogue.ts';
import type { Sample, Source } from '../metrics/registry.ts';
import { monotonicMs } from '../program/clock.ts';
import { inSteps } from '../program/steps.ts';
import { type Column, columnOf, KILLS } from './columns.ts';
import { ContainerHistory, type Now } from './container.ts';
import { foldOf } from './durations.ts';
import { STEP_S, STEPS } from './schema.ts';
import { type End, endOf, Seconds } from './seconds.ts';
import { Usages } from './usages.ts';

/** How many containers have a history, at some 30 kB each. */
const MAX_CONTAINERS = 1000;
/** How long somebody counts as looking after a question, in ms. */
const WATCHED_MS = 10_000;

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

export class History {
  readonly usages = new Usages();
  /** Another one after each reading. */
  version: object = {};
  readonly #options: HistoryOptions;
  readonly #feeds: { readonly feed: Feed; readonly fold: readonly number[] }[] = [];
  readonly #containers = new Map<string, ContainerHistory>();
  /** The ends of the last steps, oldest first. */
  readonly #ends: End[] = [];
  /** The step that goes on. */
  #step = 0;
  #beganMs = monotonicMs();
  /** How many seconds of it have ended. */
  #elapsed = 0;
  /** The step that goes on, as far as it was read; null while nobody looks. */
  #soFar: End | null = null;
  #seconds: Seconds | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;
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

  /** Somebody looks: for a while the counts are read each second. */
  watch(): void {
    this.#askedMs = monotonicMs();
  }

  get isWatched(): boolean {
    return monotonicMs() - this.#askedMs < WATCHED_MS;
  }

  /** Call each second. Reads the counts once in a step and, while somebody looks, each second. */
  async endSecond(): Promise<void> {
    this.#setSeconds();
    // Where reading takes longer than a second, fewer of them have ended.
    const isOver = ++this.#elapsed >= STEP_S || monotonicMs() - this.#beganMs >= STEP_S * 1000;
    if (isOver) await this.endStep();
    else if (this.#seconds !== null) {
      await this.#read();
      this.#soFar = endOf(this.#beganMs);
      for (const container of this.#containers.values()) container.notePercentiles(this.#step);
    }
    const next = this.#seconds?.end();
    if (next === undefined) return;
    this.version = {};
    for (const { seconds } of this.#containers.values()) seconds?.clear(next);
  }

  /** Everything else has its turn meanwhile. */
  async endStep(): Promise<void> {
    await this.#read();
    const step = this.#step++;
    this.#ends.push(endOf(this.#beganMs));
    if (this.#ends.length > STEPS) this.#ends.shift();
    this.#beganMs = monotonicMs();
    this.#elapsed = 0;
    this.#soFar = null;
    this.version = {};
    for (const container of this.#containers.values()) {
      container.notePercentiles(step);
      container.endStep(step);
      container.forget(step - STEPS);
      container.isGone = this.#options.exists?.(`${container.attributes.cgroup}`) === false;
    }
    this.#dropOld(step);
    this.#leftOut = this.#refused.size;
    this.#refused = new Set();
  }

  async #read(): Promise<void> {
    for (const { feed, fold } of this.#feeds) await inSteps(this.#reading(feed, fold));
  }

  #setSeconds(): void {
    const { isWatched } = this;
    if (isWatched === (this.#seconds !== null)) return;
    this.#seconds = isWatched ? new Seconds(this.#beganMs) : null;
    this.#soFar = null;
    for (const container of this.#containers.values())
      if (isWatched) container.beginSeconds(this.#now);
      else container.seconds = null;
  }

  get #now(): Now {
    return { step: this.#step, second: this.#seconds?.number ?? null };
  }

  /** The number of the last step that is known, which goes on while somebody looks; -1 before the first one. */
  get last(): number {
    return this.#soFar === null ? this.#step - 1 : this.#step;
  }

  /** The ends of the last steps, oldest first. The last one goes on while somebody looks. */
  get ends(): readonly End[] {
    return this.#soFar === null ? this.#ends : [...this.#ends, this.#soFar].slice(-STEPS);
  }

  /** While somebody looks: the number of the last second, and the ends of the last ones, oldest first. */
  get seconds(): { readonly last: number; readonly ends: readonly End[] } | null {
    const { number = 0, ends = [] } = this.#seconds ?? {};
    return ends.length === 0 ? null : { last: number - 1, ends };
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
    if (!container.take(metric, member, column, this.#now, fold, isNew)) this.#refuse(`${key} ${metric.name}`);
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
    if (this.#seconds !== null) container.beginSeconds(this.#now);
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
