/** From a cgroup's id, which is all that the kernel programs know, to whose it is; and whether it is still there. */

import type { Place } from '../kernel/raw-path.ts';
import { monotonicMs } from '../program/clock.ts';
import { placesByHandle } from './handles.ts';
import { type Identity, identify } from './identity.ts';
import { type Found, lookAt, Root, type WalkEnd, walk } from './walk.ts';

/** How many cgroups that nobody holds any more are remembered. */
const MAX_TOMBSTONES = 2048;
/** How many cgroups are remembered that the kernel told of. */
const MAX_TOLD = 2048;
/** How often a cgroup is looked for in vain before it is called unknown. */
const MAX_MISSES = 2;
/** How long is waited, in ms, for what others use up for the moment, such as file descriptors. */
const PATIENCE_MS = 10_000;

interface Known {
  /** null for one that could not be named. */
  readonly place: Place | null;
  readonly identity: Identity;
  /** Without a place: whether it was surely not there when it was looked for. */
  readonly isGone: boolean;
}

/**
 * Ids are never given twice: they have 64 bits and count up (kernfs since Linux 5.5). Where that were not so, whoever
 * forgets an id and learns it again gets the cgroup that has it now.
 */
export class Cgroups {
  readonly #mount: string | null;
  readonly #root: Root | null;
  /** Those that somebody learned and did not forget yet. */
  readonly #held = new Map<bigint, Known>();
  /** Those that were forgotten, or only met on the way; the oldest first. */
  readonly #tombstones = new Map<bigint, Known>();
  /** Those that the kernel told of, the last ones. Series go by what was found: they keep their names. */
  readonly #told = new Map<bigint, Identity>();
  /** How often those that are looked for were not found. */
  readonly #pending = new Map<bigint, number>();
  #round: { readonly walk: Generator<Found, WalkEnd>; readonly asked: ReadonlySet<bigint> } | null = null;
  #identify: (path: string | null) => Identity;
  #byHandle = true;
  /** Since when looking has failed for a reason that may be over soon. */
  #busySinceMs: number | null = null;

  /**
   * @param mount where the hierarchy is mounted, null when it is not visible
   * @param identifyCgroup says whose a cgroup is, once, while it is there
   */
  constructor(mount: string | null, identifyCgroup = identify) {
    this.#mount = mount;
    this.#root = mount === null ? null : new Root(mount);
    this.#identify = identifyCgroup;
  }

  /**
   * Names the ids not seen before: one look each where the kernel allows it, else one walk of the hierarchy for all.
   *
   * @param budget how many cgroups the walk may pass now; it goes on at the next call
   * @param patienceMs how long to put up with the want of file descriptors: those asked for are to be asked for again
   */
  learn(ids: Iterable<bigint>, budget = Number.POSITIVE_INFINITY, patienceMs = PATIENCE_MS): void {
    const unknown: bigint[] = [];
    for (const id of ids) if (!this.#held.has(id) && !this.#pending.has(id)) unknown.push(id);
    if (this.#mount === null) {
      for (const id of unknown) this.#hold(id, null, false);
      return;
    }
    if (unknown.length > 0) this.#ask(this.#mount, unknown, patienceMs);
    this.#walkOn(this.#mount, budget, patienceMs);
  }

  /** Says anew, and from now on, whose each cgroup is. */
  identifyBy(identifyCgroup: (path: string | null) => Identity): void {
    this.#identify = identifyCgroup;
    for (const [id, known] of this.#held) {
      this.#held.set(id, { ...known, identity: identifyCgroup(known.place?.path ?? null) });
    }
  }

  /** Is it decided what this cgroup is called? */
  knows(id: bigint): boolean {
    return this.#held.has(id);
  }

  /** The path below the mount (`/` is its root), or null for a cgroup that could not be found. */
  path(id: bigint): string | null {
    return this.place(id)?.path ?? null;
  }

  place(id: bigint): Place | null {
    return this.#known(id)?.place ?? null;
  }

  /** Whose it is, also after it is gone. */
  identity(id: bigint): Identity {
    return this.#known(id)?.identity ?? identify(null);
  }

  /** Is the cgroup surely removed? What cannot be seen may be there. */
  isGone(id: bigint): boolean {
    const known = this.#known(id);
    if (known === undefined || this.#mount === null) return false;
    const { place } = known;
    const atPlace = place === null || place.isCut ? null : lookAt(this.#mount, place, id);
    if (atPlace === 'there' || this.#root?.isMounted !== true) return false;
    // It may have another path by now, or one that nobody can follow.
    const byHandle = this.#byHandle ? placesByHandle(this.#mount, [id]) : 'refused';
    if (typeof byHandle !== 'string') return byHandle.get(id) === 'gone';
    if (byHandle === 'busy') return false;
    return place === null ? known.isGone : atPlace === 'gone';
  }

  /** Nobody counts by this id any more. Its name is kept for a while: somebody may still ask whose it was. */
  forget(id: bigint): void {
    this.#pending.delete(id);
    const known = this.#held.get(id);
    this.#held.delete(id);
    if (known !== undefined && known.place !== null) this.#bury(id, known);
  }

  /** Remembers a cgroup that was met, should it be asked for when it is gone. */
  meet({ id, path, raw, identity }: Found & { readonly identity: Identity }): void {
    if (!this.#held.has(id)) this.#bury(id, { place: { path, raw }, identity, isGone: false });
  }

  /** Remembers where the kernel says that a cgroup lies, should nobody find it. */
  tell(id: bigint, place: Place): void {
    this.#told.delete(id);
    this.#told.set(id, this.#identify(place.path));
    const [oldest] = this.#told.keys();
    if (this.#told.size > MAX_TOLD && oldest !== undefined) this.#told.delete(oldest);
  }

  /** Whose it is: as it was found, else as the kernel told. */
  identityAsTold(id: bigint): Identity {
    const known = this.#known(id);
    return known !== undefined && known.place !== null ? known.identity : (this.#told.get(id) ?? this.identity(id));
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

  /** @param place null when it is not found: then where it was, if that was known */
  #hold(id: bigint, place: Place | null, isGone: boolean): void {
    this.#pending.delete(id);
    const before = this.#tombstones.get(id);
    this.#tombstones.delete(id);
    const isKnown = place === null && before !== undefined;
    this.#held.set(id, isKnown ? before : { place, identity: this.#identify(place?.path ?? null), isGone });
  }

  #ask(mount: string, ids: readonly bigint[], patienceMs: number): void {
    const places = this.#byHandle ? placesByHandle(mount, ids) : 'refused';
    if (typeof places !== 'string') {
      this.#busySinceMs = null;
      for (const [id, place] of places) this.#hold(id, typeof place === 'string' ? null : place, place === 'gone');
      return;
    }
    if (places === 'refused') this.#byHandle = false;
    if (places === 'busy' && this.#isPatient(patienceMs)) return;
    for (const id of ids) this.#pending.set(id, 0);
  }

  #isPatient(patienceMs: number): boolean {
    this.#busySinceMs ??= monotonicMs();
    return monotonicMs() - this.#busySinceMs < patienceMs;
  }

  /** At most to the end of a walk that began after all of them were asked for. */
  #walkOn(mount: string, budget: number, patienceMs: number): void {
    let lastRound = this.#round === null;
    for (let left = budget; left > 0 && this.#pending.size > 0; left--) {
      this.#round ??= { walk: walk(mount), asked: new Set(this.#pending.keys()) };
      const { value, done } = this.#round.walk.next();
      if (done !== true) {
        if (this.#pending.has(value.id)) this.#hold(value.id, value, false);
        continue;
      }
      this.#endRound(this.#round.asked, value, patienceMs);
      if (lastRound) return;
      lastRound = true;
    }
  }

  /** Only those asked for before the walk began were surely passed, had they been there. */
  #endRound(asked: ReadonlySet<bigint>, end: WalkEnd, patienceMs: number): void {
    this.#round = null;
    if (end === 'busy' && this.#isPatient(patienceMs)) return;
    if (end !== 'busy') this.#busySinceMs = null;
    for (const id of asked) {
      const misses = this.#pending.get(id);
      if (misses === undefined) continue;
      if (misses + 1 < MAX_MISSES) this.#pending.set(id, misses + 1);
      else this.#hold(id, null, end === 'complete');
    }
  }
}
