/**
 * Reads the files of some containers each second, for the history: each container once in a step, or each second while
 * somebody looks, and the usage of cgroups near their limit each second, all within a budget of files. Of a container
 * only CPU time and memory usage are read while both stay as they are: most of a thousand are idle.
 */
import { attributesOf } from '../../containers/attributes.ts';
import type { Container } from '../../containers/inventory.ts';
import type { History } from '../../history/history.ts';
import { STEP_S } from '../../history/schema.ts';
import type { RawPath } from '../../kernel/raw-path.ts';
import { monotonicMs } from '../../program/clock.ts';
import { FileBudget } from '../file-budget.ts';
import type { Place } from './counters.ts';
import type { Level } from './memory.ts';
import { metrics } from './metrics.ts';
import type { PressureSource, Wanted } from './source.ts';

/** A cgroup is near its limit from this share on. */
const NEAR = 0.5;
/** How many cgroups near their limit are read in a second. The others need the rest of the budget. */
const MAX_NEAR = 50;
/** How many files tell whether a container is idle, in a hierarchy with the memory controller and in another one. */
const [LOOK_FILES, PRESSURE_LOOK_FILES] = [2, 1];
/** How many more are read of one that is not. */
const [FILES, PRESSURE_FILES] = [8, 3];
/**
 * How many of these files are read in a second while nobody looks, of containers that were read before. New ones do not
 * wait: the cause of an OOM kill is told by the usage of the time before.
 */
const UNWATCHED_FILES = 40;
/** How many files of the budget are left for the processes of an OOM kill: they end soon. */
const RESERVE = 20;
/** How long a container's files are good for, in ms: a little less than a step, so that each step has them. */
const DUE_MS = STEP_S * 1000 - 1500;
/** The same while somebody looks. */
const WATCHED_DUE_MS = 500;

/** After this time, in ms, an idle container is read all the same: somebody may have changed its limit. */
const IDLE_MS = 240_000;
/** The same while somebody looks. */
const WATCHED_IDLE_MS = 10_000;

/** When a container was looked at last, and when all of its files were read. */
interface Looked {
  readonly ms: number;
  readonly readMs: number;
  /** What told that it ran, as of then; null where another reading can differ although that does not. */
  readonly state: string | null;
}

interface Near {
  readonly path: RawPath;
  readonly name: string;
  readonly share: number;
}

export class Sampler {
  readonly #source: PressureSource;
  readonly #history: History;
  readonly #budget: FileBudget;
  readonly #unwatched = new FileBudget(UNWATCHED_FILES);
  readonly #looked = new WeakMap<Container, Looked>();
  /** Those that are due, the latest first, and as of which change of the containers. */
  #due: Wanted[] = [];
  #changes = Number.NaN;
  /** By path. */
  #near = new Map<string, Near>();

  constructor(source: PressureSource, history: History, budget: FileBudget) {
    this.#source = source;
    this.#history = history;
    this.#budget = budget;
  }

  /** Call each second. */
  sample(nowMs = monotonicMs()): void {
    this.#sampleNear(nowMs);
    const dueMs = this.#history.isWatched ? WATCHED_DUE_MS : DUE_MS;
    const memory = this.#source.memoryReaders();
    for (const wanted of this.#inTurn(nowMs, dueMs)) {
      const { container } = wanted;
      const place = memory.get(wanted.inventory) ?? null;
      if (!this.#take(place === null ? PRESSURE_LOOK_FILES : LOOK_FILES, container, nowMs)) break;
      const state = this.#stateOf(wanted, place);
      const isIdle = this.#isIdle(container, state, nowMs);
      if (!isIdle && !this.#take(place === null ? PRESSURE_FILES : FILES, container, nowMs)) break;
      this.#due.pop();
      if (isIdle) this.#repeat(container, nowMs);
      else this.#read(wanted, state, place, nowMs);
    }
  }

  #take(files: number, container: Container, nowMs: number): boolean {
    const isUrgent = this.#history.isWatched || !this.#looked.has(container);
    const mayRead = isUrgent || this.#unwatched.take(files, nowMs);
    return mayRead && this.#budget.take(files, nowMs, RESERVE);
  }

  #repeat({ identity, path }: Container, nowMs: number): void {
    this.#history.repeat(attributesOf(identity));
    this.#history.usages.repeat(path, nowMs);
  }

  #read({ inventory, container }: Wanted, state: string | null, place: Place | null, nowMs: number): void {
    const looked = { ms: nowMs, readMs: nowMs };
    this.#looked.set(container, { ...looked, state: null });
    // Whoever is removed may have left its path to another container.
    if (inventory.isGone(container)) return;
    const samples = [...this.#source.samplesOf(inventory, container, place)];
    this.#history.take(samples);
    // A pressure score falls by itself.
    const isSteady = samples.every(({ metric, member }) => metric !== metrics.score || member.totals[0] === 0);
    if (isSteady) this.#looked.set(container, { ...looked, state });
    const hits = (event: string): number =>
      samples.find(({ metric, member }) => metric === metrics.events && member.attributes.event === event)?.member
        .totals[0] ?? 0;
    for (const level of place?.memory.levels(container.raw) ?? []) {
      const isOwn = level.name === container.path;
      const own = isOwn ? { id: container.id, hits: { max: hits('max'), high: hits('high') } } : {};
      this.#note(level, nowMs, own);
    }
  }

  /** The last one that is due, until there is none; the caller takes it away. */
  *#inTurn(nowMs: number, dueMs: number): Generator<Wanted> {
    const changes = this.#source.changes();
    if (changes !== this.#changes) this.#due = [];
    this.#changes = changes;
    for (const next of remaining(this.#due)) yield next;
    this.#due = [...this.#source.wanted()]
      .filter(({ container }) => nowMs - this.#msOf(container) >= dueMs)
      .sort((a, b) => this.#msOf(b.container) - this.#msOf(a.container));
    for (const next of remaining(this.#due)) yield next;
  }

  #msOf(container: Container): number {
    return this.#looked.get(container)?.ms ?? Number.NEGATIVE_INFINITY;
  }

  /** Is another one when a process of the container has run, or its memory was reclaimed; null where nothing tells it. */
  #stateOf(wanted: Wanted, place: Place | null): string | null {
    const cpuTime = this.#source.cpuTime(wanted);
    return cpuTime === null ? null : `${cpuTime} ${place?.memory.usage(wanted.container.raw)}`;
  }

  /** Whether all is as it was when its files were read. */
  #isIdle(container: Container, state: string | null, nowMs: number): boolean {
    const looked = this.#looked.get(container);
    if (looked === undefined || state === null || looked.state !== state) return false;
    if (nowMs - looked.readMs >= (this.#history.isWatched ? WATCHED_IDLE_MS : IDLE_MS)) return false;
    this.#looked.set(container, { ...looked, ms: nowMs });
    return true;
  }

  #sampleNear(nowMs: number): void {
    const nearest = [...this.#near.values()].sort((a, b) => b.share - a.share).slice(0, MAX_NEAR);
    for (const { path, name } of nearest) {
      if (!this.#budget.take(1, nowMs, RESERVE)) return;
      const usageBytes = this.#source.usageOf(path);
      if (usageBytes === null) this.#near.delete(name);
      else this.#history.usages.note(name, { usageBytes }, nowMs);
    }
  }

  #note({ raw, name, usageBytes, limitBytes, statistics }: Level, nowMs: number, own: object): void {
    this.#history.usages.note(name, { usageBytes, ...(statistics && { statistics }), ...own }, nowMs);
    const share = limitBytes === null ? 0 : usageBytes / limitBytes;
    if (share >= NEAR) this.#near.set(name, { path: raw, name, share });
    else this.#near.delete(name);
  }
}

/** The last one, as long as there is one. */
function* remaining<T>(all: readonly T[]): Generator<T> {
  for (let last = all.at(-1); last !== undefined; last = all.at(-1)) yield last;
}
