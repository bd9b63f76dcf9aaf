/**
 * Reads the files of some containers each second, for the history: each container once in a step, or each second while
 * somebody looks, and the usage of cgroups near their limit each second, all within a budget of files. Of a container
 * only CPU time and memory usage are read while both stay as they are: most of a thousand are idle. Nor are others read
 * of many new ones, before it is known whether they are.
 */
import { attributesOf } from '../../containers/attributes.ts';
import type { Container } from '../../containers/inventory.ts';
import { MEMORY_USAGE } from '../../history/columns.ts';
import type { History } from '../../history/history.ts';
import { STEP_S } from '../../history/schema.ts';
import type { RawPath } from '../../kernel/raw-path.ts';
import { monotonicMs } from '../../program/clock.ts';
import { FileBudget } from '../file-budget.ts';
import type { Place } from './counters.ts';
import type { Level } from './memory.ts';
import { metrics } from './metrics.ts';
import { ownerOf, sampleOf } from './samples.ts';
import type { PressureSource, Wanted } from './source.ts';

/** A cgroup is near its limit from this share on. */
const NEAR = 0.5;
/** How many cgroups near their limit are read in a second. The others need the rest of the budget. */
const MAX_NEAR = 50;
/** How many files tell whether a container is idle, and how many more are read of one that is not. */
const [LOOK_FILES, FILES] = [2, 8];
/** The same in a hierarchy without the memory controller. */
const [PRESSURE_LOOK_FILES, PRESSURE_FILES] = [1, 3];
/**
 * How many of these files are read in a second while nobody looks. The first look at a container does not wait: the cause
 * of an OOM kill is told by the usage of the time before.
 */
const UNWATCHED_FILES = 40;
/** How many files of the budget are left for the processes of an OOM kill: they end soon. */
const RESERVE = 20;
/** How long a container's files are good for, in ms: a little less than a step, so that each step has them. */
const DUE_MS = STEP_S * 1000 - 1500;
/** The same while somebody looks. */
const WATCHED_DUE_MS = 500;

/** After this time, in ms, the usage of an idle container is read again: the kernel frees some of its memory later on. */
const IDLE_USAGE_MS = 120_000;
/** After this time, in ms, the limits of an idle container are read again: somebody may have changed them. */
const IDLE_MS = 240_000;
/** The same while somebody looks. */
const WATCHED_IDLE_MS = 10_000;
/** Within this time, in ms, all files of a container are read that has not run since the first look at it. */
const FIRST_MS = 600_000;

/** What the last look at a container told. */
interface Look {
  readonly ms: number;
  /** Another one when a process has run; null where nothing tells it, or where files can differ all the same. */
  readonly cpuTime: string | null;
  readonly usageBytes: number | null;
  /** When the usage was read. */
  readonly usageMs: number;
}

/** All files were read, or are read at a time by chance: those of a thousand idle containers not all at once. */
type Known = Look & ({ limits: string; limitsMs: number } | { readonly dueMs: number });

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
  readonly #known = new WeakMap<Container, Known>();
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
      const known = this.#known.get(container);
      const isNew = known === undefined;
      const [lookFiles, files] = filesOf(place, isNew);
      if (!this.#take(lookFiles, nowMs, isNew)) break;
      const look = this.#lookAt(wanted, place, known, nowMs);
      const hasRun = isNew || isOther(look, known);
      const isDue = hasRun || this.#isDue(container, known, place, nowMs);
      const isUrgent = isNew ? place !== null && place.memory.share(container.raw) >= NEAR : hasRun && !isRead(known);
      const reads = isDue && this.#take(files, nowMs, isUrgent);
      if (isDue && !reads && !isNew) break;
      this.#due.pop();
      if (reads) this.#read(wanted, look, place);
      else if (isNew || !isRead(known)) this.#glance(wanted, look, known);
      else this.#repeat(container, { ...known, ...look });
    }
  }

  #lookAt(wanted: Wanted, place: Place | null, known: Known | undefined, ms: number): Look {
    const cpuTime = this.#source.cpuTime(wanted);
    const isIdle = known !== undefined && cpuTime !== null && cpuTime === known.cpuTime;
    const isKnown = isIdle && !this.#history.isWatched && ms - known.usageMs < IDLE_USAGE_MS;
    const { usageBytes, usageMs } = isKnown
      ? known
      : { usageBytes: place?.memory.usage(wanted.container.raw) ?? null, usageMs: ms };
    return { ms, cpuTime, usageBytes, usageMs };
  }

  #take(files: number, nowMs: number, isUrgent = false): boolean {
    const mayRead = isUrgent || this.#history.isWatched || this.#unwatched.take(files, nowMs);
    return mayRead && this.#budget.take(files, nowMs, RESERVE);
  }

  /** Whether the files of an idle container are to be read: for the first time, or since its limits are others. */
  #isDue({ raw }: Container, known: Known, place: Place | null, nowMs: number): boolean {
    const { isWatched } = this.#history;
    if (!isRead(known)) return isWatched || nowMs >= known.dueMs;
    if (place === null || nowMs - known.limitsMs < (isWatched ? WATCHED_IDLE_MS : IDLE_MS)) return false;
    if (!this.#take(1, nowMs)) return false;
    const isSame = place.memory.limits(raw) === known.limits;
    if (isSame) known.limitsMs = nowMs;
    return !isSame;
  }

  /** Keeps what the look told. */
  #glance({ inventory, container }: Wanted, look: Look, known: { readonly dueMs: number } | undefined): void {
    const { ms, usageBytes } = look;
    this.#known.set(container, { ...look, dueMs: known?.dueMs ?? ms + Math.random() * FIRST_MS });
    if (usageBytes === null || inventory.isGone(container)) return;
    this.#history.take([sampleOf(ownerOf(container), MEMORY_USAGE, usageBytes)]);
    this.#history.usages.note(container.path, { id: container.id, usageBytes }, ms);
  }

  /** All is as it was when its files were read. */
  #repeat(container: Container, known: Known): void {
    this.#known.set(container, known);
    this.#history.repeat(attributesOf(container.identity));
    this.#history.usages.repeat(container.path, known.ms);
  }

  #read({ inventory, container }: Wanted, look: Look, place: Place | null): void {
    const nowMs = look.ms;
    const known = { ...look, limits: place?.memory.limits(container.raw) ?? '', limitsMs: nowMs };
    this.#known.set(container, { ...known, cpuTime: null });
    // Whoever is removed may have left its path to another container.
    if (inventory.isGone(container)) return;
    const samples = [...this.#source.samplesOf(inventory, container, place)];
    this.#history.take(samples);
    // A pressure score falls by itself.
    const isSteady = samples.every(({ metric, member }) => metric !== metrics.score || member.totals[0] === 0);
    if (isSteady) this.#known.set(container, known);
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
    return this.#known.get(container)?.ms ?? Number.NEGATIVE_INFINITY;
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

/** The first look also tells whether the limit is near. */
function filesOf(place: Place | null, isNew: boolean): readonly [look: number, others: number] {
  if (place === null) return [PRESSURE_LOOK_FILES, PRESSURE_FILES];
  return isNew ? [LOOK_FILES + 1, FILES - 1] : [LOOK_FILES, FILES];
}

/** Whether all files were read. */
function isRead(known: Known): known is Extract<Known, { limits: string }> {
  return 'limits' in known;
}

/** Whether a process has run, or memory was reclaimed. The kernel frees some of an idle cgroup's memory later on. */
function isOther({ cpuTime, usageBytes }: Look, known: Known): boolean {
  return cpuTime === null || cpuTime !== known.cpuTime || (isRead(known) && usageBytes !== known.usageBytes);
}

/** The last one, as long as there is one. */
function* remaining<T>(all: readonly T[]): Generator<T> {
  for (let last = all.at(-1); last !== undefined; last = all.at(-1)) yield last;
}
