/** Which containers there are, found by walking a hierarchy a bit at a time; where there are too many, a fair choice. */

import { joinRaw } from '../kernel/raw-path.ts';
import { monotonicMs, wallMs } from '../program/clock.ts';
import { type Identity, type IsTask, identify, isContainer } from './identity.ts';
import { Shares } from './shares.ts';
import { type Found, isEmpty, lookAt, Root, statCgroup, type WalkEnd, walk } from './walk.ts';

export interface Container extends Found {
  /** Unique: a container that was started again has the path of the one before, and is another. */
  readonly key: string;
  readonly identity: Identity;
  readonly createdMs: number;
}

export interface InventoryOptions {
  /** Says whose a cgroup is, once, when it is found. */
  readonly identify?: (path: string) => Identity;
  /** Which cgroups are containers of containerd's. */
  readonly isTask?: IsTask;
  /** How many are remembered, and which ones rather than others. */
  readonly room?: Room;
  /** Told of each container that is found and remembered. */
  readonly onFound?: (container: Container) => void;
}

export interface Room {
  readonly max: number;
  /** Which containers somebody asks for. */
  readonly isWanted: (path: string) => boolean;
}

/** Who gives way to whom; among those that are alike, whoever has most of them. */
const RANKS = ['unwanted', 'empty', 'used'] as const;
type Rank = (typeof RANKS)[number];

interface Held {
  readonly container: Container;
  readonly rank: Rank;
  /** The walk that passed it last. */
  passedIn: number;
}

/** How many may have got or lost their processes meanwhile: they are looked at in turn, where there is no room. */
const LOOKS = 64;

export class Inventory {
  readonly mount: string;
  readonly #options: InventoryOptions;
  #identify: (path: string) => Identity;
  #isTask: IsTask | undefined;
  #room: Room;
  readonly #held = new Map<string, Held>();
  readonly #shares = { unwanted: new Shares(), empty: new Shares(), used: new Shares() };
  /** Those that gave way since they were last told. */
  #gone: Container[] = [];
  #looks: Iterator<Held> | null = null;
  #walk: Generator<Found, WalkEnd> | null = null;
  #walks = 0;
  /** Wanted ones without a place: of this walk until now, and of the one before. */
  #refused = 0;
  #refusedBefore = 0;
  readonly #root: Root;

  constructor(mount: string, options: InventoryOptions = {}) {
    this.mount = mount;
    this.#root = new Root(mount);
    this.#options = options;
    this.#identify = options.identify ?? identify;
    this.#isTask = options.isTask;
    this.#room = options.room ?? { max: Number.POSITIVE_INFINITY, isWanted: () => true };
  }

  /**
   * Looks on for containers, and whether those that it knows are still there.
   *
   * @param budget how many cgroups may be passed now; what is left is passed at the next calls
   * @param ms for how long, at most
   * @returns the containers that are gone, or gave way to others
   */
  discover(budget = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY): Container[] {
    for (const { container } of this.#held.values()) if (this.isGone(container)) this.#drop(container.key);
    if (this.#held.size >= this.#room.max) this.#lookAnew();
    const untilMs = monotonicMs() + ms;
    for (let left = budget; left > 0; left--) {
      this.#walk ??= walk(this.mount);
      const { value, done } = this.#walk.next();
      if (done === true) {
        this.#walk = null;
        this.#walks++;
        this.#refusedBefore = this.#refused;
        this.#refused = 0;
        break;
      }
      if (isContainer(value.path, this.#isTask)) this.#pass(value);
      if (monotonicMs() >= untilMs) break;
    }
    return this.#gone.splice(0);
  }

  /** Says anew, and from now on, whose each container is, and from now on, what is one, and how many have room. */
  identifyBy(identifyCgroup: (path: string) => Identity, isTask?: IsTask, room = this.#room): void {
    this.#identify = identifyCgroup;
    this.#isTask = isTask;
    this.#room = room;
    for (const held of this.#held.values()) {
      const { container } = held;
      this.#rank({ ...held, container: { ...container, identity: identifyCgroup(container.path) } });
    }
    while (this.#held.size > room.max) {
      const key = this.#givesWay(null, 'used');
      if (key === null) break;
      this.#giveUp(key);
    }
  }

  *containers(): Iterable<Container> {
    for (const { container } of this.#held.values()) yield container;
  }

  /** How many wanted containers had no room when the hierarchy was last walked. */
  get leftOut(): number {
    return Math.max(this.#refused, this.#refusedBefore);
  }

  /** Surely: what cannot be seen may be there. Another one may have taken its path. */
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
    this.#shares[rank].add(key);
    this.#options.onFound?.(container);
  }

  /** One of a lower rank, whoever has it; one of the same only for fairness. */
  #givesWay(newcomer: string | null, rank: Rank): string | null {
    for (const lower of RANKS) {
      const key = this.#shares[lower].givesWay(lower === rank ? newcomer : null);
      if (key !== null || lower === rank) return key;
    }
    return null;
  }

  /** This walk does not pass it again, or does and finds no room. */
  #giveUp(key: string): void {
    const held = this.#held.get(key);
    if (held?.passedIn === this.#walks && held.rank !== 'unwanted') this.#refused++;
    this.#drop(key);
  }

  #drop(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    this.#shares[held.rank].remove(key);
    this.#gone.push(held.container);
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

  #rank(held: Held): void {
    const { key } = held.container;
    const rank = this.#rankOf(held.container);
    this.#held.set(key, { ...held, rank });
    if (rank === held.rank) return;
    this.#shares[held.rank].remove(key);
    this.#shares[rank].add(key);
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
