/** Which containers there are, found by walking a hierarchy a bit at a time. */
import { wallMs } from '../clock.ts';
import { joinRaw } from '../raw-path.ts';
import { type Identity, type IsTask, identify, isContainer } from './identity.ts';
import { type Found, lookAt, Root, statCgroup, type WalkEnd, walk } from './walk.ts';

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
  /** Told of each container that is found. */
  readonly onFound?: (container: Container) => void;
}

export class Inventory {
  readonly mount: string;
  readonly #options: InventoryOptions;
  #identify: (path: string) => Identity;
  #isTask: IsTask | undefined;
  readonly #containers = new Map<string, Container>();
  #walk: Generator<Found, WalkEnd> | null = null;
  readonly #root: Root;

  constructor(mount: string, options: InventoryOptions = {}) {
    this.mount = mount;
    this.#root = new Root(mount);
    this.#options = options;
    this.#identify = options.identify ?? identify;
    this.#isTask = options.isTask;
  }

  /**
   * Looks on for containers, and whether those that it knows are still there.
   *
   * @param budget how many cgroups may be passed now; what is left is passed at the next calls
   * @returns the containers that are gone
   */
  discover(budget = Number.POSITIVE_INFINITY): Container[] {
    const gone = [...this.#containers.values()].filter((container) => this.isGone(container));
    for (const { key } of gone) this.#containers.delete(key);
    for (let left = budget; left > 0; left--) {
      this.#walk ??= walk(this.mount);
      const { value, done } = this.#walk.next();
      if (done === true) {
        this.#walk = null;
        break;
      }
      if (isContainer(value.path, this.#isTask)) this.#add(value);
    }
    return gone;
  }

  /** Says anew, and from now on, whose each container is, and from now on, what is one. */
  identifyBy(identifyCgroup: (path: string) => Identity, isTask?: IsTask): void {
    this.#identify = identifyCgroup;
    this.#isTask = isTask;
    for (const [key, container] of this.#containers) {
      this.#containers.set(key, { ...container, identity: identifyCgroup(container.path) });
    }
  }

  containers(): Iterable<Container> {
    return this.#containers.values();
  }

  /** Surely: what cannot be seen may be there. Another one may have taken its path. */
  isGone(found: Found): boolean {
    return lookAt(this.mount, found, found.id) === 'gone' && this.#root.isMounted;
  }

  #add(found: Found): void {
    const key = `${found.path}:${found.id}`;
    if (this.#containers.has(key)) return;
    const identity = this.#identify(found.path);
    const createdMs = this.#createdMs(found);
    const container = { ...found, key, identity, createdMs };
    this.#containers.set(key, container);
    this.#options.onFound?.(container);
  }
  #createdMs({ raw }: Found): number {
    try {
      return Number(statCgroup(joinRaw(this.mount, raw))?.ctimeMs ?? wallMs());
    } catch {
      return wallMs();
    }
  }
}
