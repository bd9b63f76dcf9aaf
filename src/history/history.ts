/** A history of the last five minutes of each container, in memory, from what the receivers count anyway. */
import type { Attributes } from '@opentelemetry/api';
import type { Sample } from '../metrics/registry.ts';
import { monotonicMs } from '../program/clock.ts';
import { inSteps } from '../program/steps.ts';
import { type Column, columnOf, KILLS, keyOf } from './columns.ts';
import { ContainerHistory, type Now } from './container.ts';
import { type Counted, countedAlone, type Feed, type Taken, Takings } from './feed.ts';
import { STEP_S, STEPS } from './schema.ts';
import { type End, endOf, Seconds } from './seconds.ts';
import { Usages } from './usages.ts';

/** How many containers have a history, at some 30 kB each. */
const MAX_CONTAINERS = 1000;
/** How many of them are asked in a step whether they are gone, while there is no room for others. */
const LOOKS = 100;
/** How long somebody counts as looking after a question, in ms. */
const WATCHED_MS = 10_000;

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
  readonly #feeds: { readonly feed: Feed; readonly takings: Takings }[] = [];
  /** What is read now and then. */
  readonly #files = new Takings();
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
  /** Whether the cgroups of containers are gone, as far as that was asked in this step. */
  readonly #gone = new Map<ContainerHistory, boolean>();
  /** Those that may give up their room, in turn, and how many more of them are asked in this step. */
  #turn: Iterator<[string, ContainerHistory]> = this.#containers.entries();
  #looks = LOOKS;
  /** What found no room in the last step, and in the one that goes on. */
  #refused = new Set<string>();
  #leftOut = 0;

  constructor(options: HistoryOptions = {}) {
    this.#options = options;
  }

  /** Reads these counts at the end of each step. */
  follow(feed: Feed): void {
    this.#feeds.push({ feed, takings: new Takings(feed) });
  }

  /** Takes the values of a container that are read now and then, such as those of its files. */
  take(samples: Iterable<Sample>): void {
    for (const sample of samples) this.#take(countedAlone(sample), this.#files, this.#isRecent(sample));
  }

  /** Takes the gauges of a container as in the step before: nothing has happened in it since. */
  repeat(attributes: Attributes): void {
    this.#containers.get(keyOf(attributes) ?? '')?.repeatGauges(this.#step);
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
    if (this.#seconds === null) return;
    this.#seconds.end();
    this.version = {};
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
      if (container.lastStep < step) continue;
      container.notePercentiles(step);
      container.endStep(step);
    }
    this.#dropOld(step - STEPS);
    this.usages.expire(monotonicMs());
    this.#gone.clear();
    this.#looks = LOOKS;
    this.#leftOut = this.#refused.size;
    this.#refused = new Set();
  }

  async #read(): Promise<void> {
    for (const { feed, takings } of this.#feeds) await inSteps(this.#reading(feed, takings));
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

  *#reading(feed: Feed, takings: Takings): Generator<void> {
    for (const counted of feed.read()) {
      this.#take(counted, takings, true);
      yield;
    }
  }

  /** @param isNew whether all that a new counter has was counted in this step */
  #take(counted: Counted, takings: Takings, isNew: boolean): void {
    const { version, attributes } = counted;
    const key = keyOf(attributes);
    if (key === null) return;
    const taken = takings.of(counted.key, this.#step);
    if (taken.version === version && taken.attributes === attributes) return;
    if (this.#looks === 0 && !this.#containers.has(key)) {
      this.#refuse(key);
      return;
    }
    taken.version = version;
    taken.attributes = attributes;
    for (const sample of counted.samples()) {
      const column = columnOf(sample.metric, sample.member.attributes);
      if (column === null) continue;
      const container = this.#containers.get(key) ?? this.#begin(key, attributes);
      container?.name(attributes);
      taken.moveTo(container);
      if (container !== null && this.#add(sample, column, container, taken, takings.fold, isNew)) continue;
      this.#refuse(container === null ? key : `${key} ${sample.metric.name}`);
      taken.version = Number.NaN;
    }
  }

  /** @returns whether there was room */
  #add(
    sample: Sample,
    column: Column,
    container: ContainerHistory,
    taken: Taken,
    fold: readonly number[],
    isNew: boolean,
  ): boolean {
    if (column.kind === 'gauge')
      return container.setGauge(column.name, this.#step, sample.member.totals[0] ?? Number.NaN);
    const known = taken.seenOf(sample);
    return known !== null && container.add(sample, column, known.seen, this.#now, fold, known.isFirst && !isNew);
  }

  #begin(key: string, attributes: Attributes): ContainerHistory | null {
    const { maxContainers = MAX_CONTAINERS } = this.#options;
    if (this.#containers.size >= maxContainers && !this.#dropGone()) return null;
    const container = new ContainerHistory(attributes, this.#step);
    if (this.#seconds !== null) container.beginSeconds(this.#now);
    this.#containers.set(key, container);
    return container;
  }

  /** @returns whether a container that is gone gave up its room */
  #dropGone(): boolean {
    for (; this.#looks > 0; this.#looks--) {
      const { value, done } = this.#turn.next();
      if (done === true) this.#turn = this.#containers.entries();
      else if (this.isGone(value[1])) return this.#containers.delete(value[0]);
    }
    return false;
  }

  /** Whether its cgroup is removed; asked once in a step at most, since it takes a system call. */
  isGone(container: ContainerHistory): boolean {
    const isGone = this.#gone.get(container) ?? this.#options.exists?.(`${container.attributes.cgroup}`) === false;
    this.#gone.set(container, isGone);
    return isGone;
  }

  #refuse(what: string): void {
    if (this.#refused.size < MAX_CONTAINERS * 10) this.#refused.add(what);
  }

  /** Drops containers of which nothing was counted since a step, and forgets counters that nobody had since then. */
  #dropOld(before: number): void {
    for (const [key, { lastStep }] of this.#containers) if (lastStep < before) this.#containers.delete(key);
    for (const takings of [this.#files, ...this.#feeds.map(({ takings }) => takings)]) takings.forget(before);
  }

  /** Whether a member began since the end of the step before last: it is read at least once in a step. */
  #isRecent({ member: { startTime } }: Sample): boolean {
    const { wallMs: sinceMs } = this.#ends.at(-2) ?? { wallMs: Number.POSITIVE_INFINITY };
    return startTime[0] * 1000 + startTime[1] / 1e6 >= sinceMs;
  }
}
