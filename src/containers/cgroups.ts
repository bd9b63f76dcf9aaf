/** From a cgroup's id, which is all that the kernel programs know, to whose it is; and whether it is still there. */
import { join } from 'node:path';
import { pathsByHandle } from './handles.ts';
import { type Identity, identify } from './identity.ts';
import { type Found, statCgroup, walk } from './walk.ts';

/** How many cgroups that nobody holds any more are remembered. */
const MAX_TOMBSTONES = 2048;
/** How often a cgroup is looked for in vain before it is called unknown. */
const MAX_MISSES = 2;

interface Known {
  /** null for one that was gone before it could be named. */
  readonly path: string | null;
  readonly identity: Identity;
}

/**
 * Ids are never given twice: they have 64 bits and count up (kernfs since Linux 5.5). Where that were not so, whoever
 * forgets an id and learns it again gets the cgroup that has it now.
 */
export class Cgroups {
  readonly #mount: string | null;
  /** Those that somebody learned and did not forget yet. */
  readonly #held = new Map<bigint, Known>();
  /** Those that were forgotten, or only met on the way; the oldest first. */
  readonly #tombstones = new Map<bigint, Known>();
  /** How often those that are looked for were not found. */
  readonly #pending = new Map<bigint, number>();
  #round: { readonly walk: Generator<Found>; readonly asked: ReadonlySet<bigint> } | null = null;
  #identify: (path: string | null) => Identity;
  #byHandle = true;

  /**
   * @param mount where the hierarchy is mounted, null when it is not visible
   * @param identifyCgroup says whose a cgroup is, once, while it is there
   */
  constructor(mount: string | null, identifyCgroup = identify) {
    this.#mount = mount;
    this.#identify = identifyCgroup;
  }

  /**
   * Names the ids not seen before: one look each where the kernel allows it, else one walk of the hierarchy for all.
   *
   * @param budget how many cgroups the walk may pass now; it goes on at the next call
   */
  learn(ids: Iterable<bigint>, budget = Number.POSITIVE_INFINITY): void {
    const unknown: bigint[] = [];
    for (const id of ids) if (!this.#held.has(id) && !this.#pending.has(id)) unknown.push(id);
    if (this.#mount === null) {
      for (const id of unknown) this.#hold(id, null);
      return;
    }
    if (unknown.length > 0 && !this.#learnByHandle(this.#mount, unknown)) {
      for (const id of unknown) this.#pending.set(id, 0);
    }
    this.#walkOn(this.#mount, budget);
  }

  /** Says anew, and from now on, whose each cgroup is. */
  identifyBy(identifyCgroup: (path: string | null) => Identity): void {
    this.#identify = identifyCgroup;
    for (const [id, { path }] of this.#held) this.#held.set(id, { path, identity: identifyCgroup(path) });
  }

  /** Is it decided what this cgroup is called? */
  knows(id: bigint): boolean {
    return this.#held.has(id);
  }

  /** The path below the mount (`/` is its root), or null for a cgroup that could not be found. */
  path(id: bigint): string | null {
    return this.#known(id)?.path ?? null;
  }

  /** Whose it is, also after it is gone. */
  identity(id: bigint): Identity {
    return this.#known(id)?.identity ?? identify(null);
  }

  /** Is the cgroup removed? One that could not be found counts as removed. */
  isGone(id: bigint): boolean {
    if (this.#pending.has(id)) return false;
    const path = this.path(id);
    if (path === null || this.#mount === null) return true;
    return statCgroup(join(this.#mount, path))?.ino !== id;
  }

  /** Nobody counts by this id any more. Its name is kept for a while: somebody may still ask whose it was. */
  forget(id: bigint): void {
    this.#pending.delete(id);
    const known = this.#held.get(id);
    this.#held.delete(id);
    if (known !== undefined && known.path !== null) this.#bury(id, known);
  }

  /** Remembers a cgroup that was met, should it be asked for when it is gone. */
  meet({ id, path, identity }: Found & { readonly identity: Identity }): void {
    if (!this.#held.has(id)) this.#bury(id, { path, identity });
  }

  #known(id: bigint): Known | undefined {
    return this.#held.get(id) ?? this.#tombstones.get(id);
  }

  #bury(id: bigint, known: Known): void {
    this.#tombstones.delete(id);
    this.#tombstones.set(id, known);
    if (this.#tombstones.size <= MAX_TOMBSTONES) return;
    const [oldest] = this.#tombstones.keys();
    if (oldest !== undefined) this.#tombstones.delete(oldest);
  }

  /** @param path null when there is no such cgroup now: then the name it had, if it was known */
  #hold(id: bigint, path: string | null): void {
    this.#pending.delete(id);
    const before = this.#tombstones.get(id);
    this.#tombstones.delete(id);
    const known = path === null && before !== undefined ? before : { path, identity: this.#identify(path) };
    this.#held.set(id, known);
  }

  /** false where that is refused. */
  #learnByHandle(mount: string, ids: readonly bigint[]): boolean {
    const paths = this.#byHandle ? pathsByHandle(mount, ids) : null;
    this.#byHandle = paths !== null;
    for (const [id, path] of paths ?? []) this.#hold(id, path);
    return this.#byHandle;
  }

  /** At most to the end of a walk that began after all of them were asked for. */
  #walkOn(mount: string, budget: number): void {
    let lastRound = this.#round === null;
    for (let left = budget; left > 0 && this.#pending.size > 0; left--) {
      this.#round ??= { walk: walk(mount), asked: new Set(this.#pending.keys()) };
      const { value, done } = this.#round.walk.next();
      if (done !== true) {
        if (this.#pending.has(value.id)) this.#hold(value.id, value.path);
        continue;
      }
      this.#endRound(this.#round.asked);
      if (lastRound) return;
      lastRound = true;
    }
  }

  /** Only those asked for before the walk began were surely passed, had they been there. */
  #endRound(asked: ReadonlySet<bigint>): void {
    this.#round = null;
    for (const id of asked) {
      const misses = this.#pending.get(id);
      if (misses === undefined) continue;
      if (misses + 1 < MAX_MISSES) this.#pending.set(id, misses + 1);
      else this.#hold(id, null);
    }
  }
}
