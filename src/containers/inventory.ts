/** The containers of a hierarchy, found by walking it in steps; a fair choice of them where there are too many. */

import { joinRaw } from '../kernel/raw-path.ts';
import { monotonicMs, wallMs } from '../program/clock.ts';
import { type Identity, type IsTask, identify, isContainer } from './identity.ts';
import { Shares } from './shares.ts';
import { TreeWatch } from './tree-watch.ts';
import { type Found, isEmpty, lookAt, Root, statCgroup, type WalkEnd, walk } from './walk.ts';

export interface Container extends Found {
  /** Unique: a restarted container has the same path and another key. */
  readonly key: string;
  readonly identity: Identity;
  readonly createdMs: number;
}

export interface InventoryOptions {
  /** Finds the owner of a cgroup; called once, when the cgroup is found. */
  readonly identify?: (path: string) => Identity;
  /** Tells which cgroups are containers of containerd. */
  readonly isTask?: IsTask;
  /** Bounds the number of containers. */
  readonly room?: Room;
  /** Called for each container that is found and has room. */
  readonly onFound?: (container: Container) => void;
}

export interface Room {
  readonly max: number;
  /** Whether a container is configured to be measured. */
  readonly isWanted: (path: string) => boolean;
}

/** Containers of an earlier rank are evicted first; within a rank, those of the owner that has most. */
const RANKS = ['unwanted', 'empty', 'used'] as const;
type Rank = (typeof RANKS)[number];

interface Held {
  readonly container: Container;
  readonly rank: Rank;
  /** The number of the last walk that visited the container. */
  passedIn: number;
}

/** How many containers a step checks for processes, in turn, while there is no room. */
const LOOKS = 8;
/**
 * How soon the hierarchy is walked again although no change was seen, in ms: a cgroup may be known as a container only
 * after the walk. After each walk without a change the next one waits twice as long, from the first to the second one.
 */
const [MIN_AGE_MS, MAX_AGE_MS] = [60_000, 480_000];
/** How many walks after a change take all the time they may: a container is often found before its first process. */
const HASTY_WALKS = 2;
/** The part of that time for later walks, which only look again at containers without room. */
const RELOOK_SHARE = 0.01;

export class Inventory {
  readonly mount: string;
  readonly #options: InventoryOptions;
  #identify: (path: string) => Identity;
  #isTask: IsTask | undefined;
  #room: Room;
  readonly #held = new Map<string, Held>();
  readonly #shares = { unwanted: new Shares(), empty: new Shares(), used: new Shares() };
  /** Containers that were evicted since `discover` last returned. */
  #gone: Container[] = [];
  #looks: Iterator<Held> | null = null;
  #walk: Generator<Found, WalkEnd> | null = null;
  #walks = 0;
  #walkedAtMs = 0;
  /** Doubled at the end of each walk. */
  #maxAgeMs = MIN_AGE_MS / 2;
  #hastyWalks = 0;
  /** Tells what has changed since the walk began. */
  #watch: TreeWatch | null = null;
  /** Whether the walk is at a container. Whatever is below one belongs to it. */
  #isAtContainer = false;
  /** Wanted containers without room, in this walk and in the one before. */
  #refused = 0;
  #refusedBefore = 0;
  readonly #root: Root;
  #changes = 0;

  constructor(mount: string, options: InventoryOptions = {}) {
    this.mount = mount;
    this.#root = new Root(mount);
    this.#options = options;
    this.#identify = options.identify ?? identify;
    this.#isTask = options.isTask;
    this.#room = options.room ?? { max: Number.POSITIVE_INFINITY, isWanted: () => true };
  }

  /**
   * Finds new containers and removed ones, by a walk or its continuation. Without a change there is no walk, unless
   * containers wait for room.
   *
   * @param budget how many cgroups to visit now; the next calls visit the rest
   * @param ms how long the step may take
   * @returns the containers that are removed or evicted
   */
  discover(budget = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY): Container[] {
    const startedMs = monotonicMs();
    if (this.#watch?.hasChanged() !== false) {
      this.#hastyWalks = HASTY_WALKS;
      this.#maxAgeMs = MIN_AGE_MS / 2;
      // Without room, others would be left out as long as the walk has not come to its end.
      if (this.#held.size >= this.#room.max) this.#dropRemoved(() => true);
    } else if (startedMs - this.#walkedAtMs >= this.#maxAgeMs) this.#hastyWalks = HASTY_WALKS;
    if (this.leftOut > 0) this.#lookAnew();
    if (this.#hastyWalks > 0) this.#walkOn(budget, startedMs + ms);
    else if (this.#walk !== null || this.#mayGiveWay()) this.#walkOn(budget, startedMs + ms * RELOOK_SHARE);
    return this.#gone.splice(0);
  }

  /** Ends watching for changes until the next walk. Safe to call twice. */
  close(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = null;
  }

  /** Whether a container without room would get some if it had a process by now. */
  #mayGiveWay(): boolean {
    return this.leftOut > 0 && this.#shares.unwanted.size + this.#shares.empty.size > 0;
  }

  #walkOn(budget: number, untilMs: number): void {
    for (let left = budget; left > 0; left--) {
      this.#walk ??= this.#startWalk();
      const { value, done } = this.#walk.next();
      if (done === true) {
        this.#walk = null;
        this.#dropRemoved(({ passedIn }) => passedIn !== this.#walks);
        this.#walks++;
        this.#walkedAtMs = monotonicMs();
        this.#maxAgeMs = Math.min(2 * this.#maxAgeMs, MAX_AGE_MS);
        this.#refusedBefore = this.#refused;
        this.#refused = 0;
        this.#hastyWalks = this.leftOut > 0 && this.#hastyWalks > 0 ? this.#hastyWalks - 1 : 0;
        break;
      }
      if (this.#isAtContainer) this.#pass(value);
      if (monotonicMs() >= untilMs) break;
    }
  }

  #startWalk(): Generator<Found, WalkEnd> {
    this.close();
    const watch = new TreeWatch(this.mount);
    this.#watch = watch;
    return walk(this.mount, (place) => {
      this.#isAtContainer = isContainer(place.path, this.#isTask);
      if (!this.#isAtContainer) watch.watch(place);
      return !this.#isAtContainer;
    });
  }

  /**
   * Replaces these functions and the bound. Known containers are identified by a new function; `isTask` only counts for
   * new ones.
   */
  identifyBy(identifyCgroup: (path: string) => Identity, isTask?: IsTask, room = this.#room): void {
    const isSame = identifyCgroup === this.#identify;
    this.#identify = identifyCgroup;
    this.#isTask = isTask;
    this.#room = room;
    this.#changes++;
    this.close();
    for (const held of this.#held.values()) {
      const { container } = held;
      const identity = isSame ? container.identity : identifyCgroup(container.path);
      this.#rank({ ...held, container: { ...container, identity } });
    }
    while (this.#held.size > room.max) {
      const key = this.#givesWay(null, 'used');
      if (key === null) break;
      this.#giveUp(key);
    }
  }

  /** A number that changes with the containers. */
  get changes(): number {
    return this.#changes;
  }

  *containers(): Iterable<Container> {
    for (const { container } of this.#held.values()) yield container;
  }

  /** The number of wanted containers without room in the last walk. */
  get leftOut(): number {
    return Math.max(this.#refused, this.#refusedBefore);
  }

  /** Whether the container is known to be removed. One that cannot be seen may exist; another one may have its path. */
  isGone(found: Found): boolean {
    return lookAt(this.mount, found, found.id) === 'gone' && this.#root.isMounted;
  }

  #pass(found: Found): void {
    const key = `${found.path}:${found.id}`;
    const known = this.#held.get(key);
    if (known !== undefined) {
      known.passedIn = this.#walks;
      return;
    }
    const rank = this.#rankOf(found);
    if (this.#held.size >= this.#room.max) {
      const other = this.#givesWay(key, rank);
      if (other === null) {
        if (rank !== 'unwanted') this.#refused++;
        return;
      }
      this.#giveUp(other);
    }
    const identity = this.#identify(found.path);
    const container = { ...found, key, identity, createdMs: this.#createdMs(found) };
    this.#held.set(key, { container, rank, passedIn: this.#walks });
    this.#changes++;
    this.#shares[rank].add(key);
    this.#options.onFound?.(container);
  }

  /** A container of a lower rank that it still has or, where that is fairer, of the same rank. */
  #givesWay(newcomer: string | null, rank: Rank): string | null {
    for (const lower of RANKS) {
      const key = this.#shares[lower].givesWay(lower === rank ? newcomer : null);
      const held = key === null ? undefined : this.#held.get(key);
      if (held !== undefined && this.#rank(held) !== lower) return this.#givesWay(newcomer, rank);
      if (key !== null || lower === rank) return key;
    }
    return null;
  }

  /** Evicts a container. This walk counts it as left out: now if it has visited the container, else when it does. */
  #giveUp(key: string): void {
    const held = this.#held.get(key);
    if (held?.passedIn === this.#walks && held.rank !== 'unwanted') this.#refused++;
    this.#drop(key);
  }

  #drop(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    this.#changes++;
    this.#shares[held.rank].remove(key);
    this.#gone.push(held.container);
  }

  #dropRemoved(mayBe: (held: Held) => boolean): void {
    for (const held of this.#held.values()) {
      if (mayBe(held) && this.isGone(held.container)) this.#drop(held.container.key);
    }
  }

  #lookAnew(): void {
    for (let looks = 0; looks < LOOKS; looks++) {
      this.#looks ??= this.#held.values();
      const { value, done } = this.#looks.next();
      if (done === true) {
        this.#looks = null;
        break;
      }
      this.#rank(value);
    }
  }

  #rank(held: Held): Rank {
    const { key } = held.container;
    const rank = this.#rankOf(held.container);
    this.#held.set(key, { ...held, rank });
    if (rank !== held.rank) {
      this.#shares[held.rank].remove(key);
      this.#shares[rank].add(key);
    }
    return rank;
  }

  #rankOf({ path, raw }: Found): Rank {
    if (!this.#room.isWanted(path)) return 'unwanted';
    return isEmpty(joinRaw(this.mount, raw)) ? 'empty' : 'used';
  }

  #createdMs({ raw }: Found): number {
    try {
      return Number(statCgroup(joinRaw(this.mount, raw))?.ctimeMs ?? wallMs());
    } catch {
      return wallMs();
    }
  }
}
