/**
 * Resolves cgroup ids, the only thing the BPF programs know of a cgroup, to paths and owners, and finds removed
 * cgroups.
 */

import type { Place } from '../kernel/raw-path.ts';
import { monotonicMs } from '../program/clock.ts';
import { placesByHandle } from './handles.ts';
import { type Identity, identify } from './identity.ts';
import { type Found, lookAt, Root, type WalkEnd, walk } from './walk.ts';

/** How many forgotten cgroups keep their names. */
const MAX_TOMBSTONES = 2048;
/** How many paths that the kernel reported are remembered. */
const MAX_TOLD = 2048;
/** After so many failed searches a cgroup is called unknown. */
const MAX_MISSES = 2;
/** How many ids are resolved in a step: with the names of their containers some ms. */
const IDS_IN_STEP = 16;
/** How long a search is repeated while resources such as file descriptors are exhausted, in ms. */
const PATIENCE_MS = 10_000;

interface Known {
  /** null for a cgroup that was not found. */
  readonly place: Place | null;
  readonly identity: Identity;
  /** Without a place: whether the search proved that the cgroup is removed. */
  readonly isGone: boolean;
}

/**
 * Ids are never reused: they have 64 bits and count up (kernfs since Linux 5.5). If one were, forgetting the id and
 * learning it again would find the new cgroup.
 */
export class Cgroups {
  readonly #mount: string | null;
  readonly #root: Root | null;
  /** Cgroups that were learned and not forgotten since. */
  readonly #held = new Map<bigint, Known>();
  /** Cgroups that were forgotten, or found by a walk without being asked for; the oldest first. */
  readonly #tombstones = new Map<bigint, Known>();
  /** The latest paths that the kernel reported. Series keep the names that were found, and do not use these. */
  readonly #told = new Map<bigint, Identity>();
  /** Failed searches by id. */
  readonly #pending = new Map<bigint, number>();
  #round: { readonly walk: Generator<Found, WalkEnd>; readonly asked: ReadonlySet<bigint> } | null = null;
  #identify: (path: string | null) => Identity;
  #byHandle = true;
  /** When searches began to fail for a temporary reason. */
  #busySinceMs: number | null = null;

  /**
   * @param mount where the hierarchy is mounted, null when it is not visible
   * @param identifyCgroup finds the owner of a cgroup; called once, while the cgroup exists
   */
  constructor(mount: string | null, identifyCgroup = identify) {
    this.#mount = mount;
    this.#root = mount === null ? null : new Root(mount);
    this.#identify = identifyCgroup;
  }

  /**
   * Resolves new ids: each by a file handle where the kernel allows that, else all by one walk of the hierarchy.
   *
   * @param budget how many cgroups the walk may visit now; the next call continues it
   * @param patienceMs how long ids stay pending while file descriptors are exhausted; the caller has to ask again
   */
  learn(ids: Iterable<bigint>, budget = Number.POSITIVE_INFINITY, patienceMs = PATIENCE_MS): void {
    for (const _ of this.learning(ids, budget, patienceMs));
  }

  /** As {@link learn}, in steps; few ids take one step. Others may call it in between. */
  *learning(ids: Iterable<bigint>, budget: number, patienceMs = PATIENCE_MS): Generator<null> {
    const unknown: bigint[] = [];
    for (const id of ids) if (this.#isNew(id)) unknown.push(id);
    for (let at = 0; at < unknown.length; at += IDS_IN_STEP) {
      if (at > 0) yield null;
      const asked = unknown.slice(at, at + IDS_IN_STEP).filter((id) => this.#isNew(id));
      if (this.#mount !== null) this.#ask(this.#mount, asked, patienceMs);
      else for (const id of asked) this.#hold(id, null, false);
    }
    if (this.#mount !== null) this.#walkOn(this.#mount, budget, patienceMs);
  }

  #isNew(id: bigint): boolean {
    return !this.#held.has(id) && !this.#pending.has(id);
  }

  /** Replaces the function that finds owners, also for the known cgroups. */
  identifyBy(identifyCgroup: (path: string | null) => Identity): void {
    this.#identify = identifyCgroup;
    for (const [id, known] of this.#held) {
      this.#held.set(id, { ...known, identity: identifyCgroup(known.place?.path ?? null) });
    }
  }

  /** Whether a walk for names is under way, which `learn` continues. */
  get isSearching(): boolean {
    return this.#pending.size > 0;
  }

  /** Whether this id is resolved, or called unknown for good. */
  knows(id: bigint): boolean {
    return this.#held.has(id);
  }

  /** The path below the mount (`/` is its root), or null for a cgroup that was not found. */
  path(id: bigint): string | null {
    return this.place(id)?.path ?? null;
  }

  place(id: bigint): Place | null {
    return this.#known(id)?.place ?? null;
  }

  /** The owner of the cgroup, also after its removal. */
  identity(id: bigint): Identity {
    return this.#known(id)?.identity ?? identify(null);
  }

  /** Whether the cgroup is known to be removed. A cgroup that cannot be seen may exist. */
  isGone(id: bigint): boolean {
    const known = this.#known(id);
    if (known === undefined || this.#mount === null) return false;
    const { place } = known;
    const atPlace = place === null || place.isCut ? null : lookAt(this.#mount, place, id);
    if (atPlace === 'there' || this.#root?.isMounted !== true) return false;
    // The cgroup may have been renamed, or lie too deep for its path.
    const byHandle = this.#byHandle ? placesByHandle(this.#mount, [id]) : 'refused';
    if (typeof byHandle !== 'string') return byHandle.get(id) === 'gone';
    if (byHandle === 'busy') return false;
    return place === null ? known.isGone : atPlace === 'gone';
  }

  /** Ends the use of this id. Its name is kept for a while, for late questions. */
  forget(id: bigint): void {
    this.#pending.delete(id);
    const known = this.#held.get(id);
    this.#held.delete(id);
    if (known !== undefined && known.place !== null) this.#bury(id, known);
  }

  /** Remembers a cgroup that a walk found, in case its id is asked for after its removal. */
  meet({ id, path, raw, identity }: Found & { readonly identity: Identity }): void {
    if (!this.#held.has(id)) this.#bury(id, { place: { path, raw }, identity, isGone: false });
  }

  /** Remembers the path that the kernel reports, in case no search finds the cgroup. */
  tell(id: bigint, place: Place): void {
    this.#told.delete(id);
    this.#told.set(id, this.#identify(place.path));
    const [oldest] = this.#told.keys();
    if (this.#told.size > MAX_TOLD && oldest !== undefined) this.#told.delete(oldest);
  }

  /** The owner by the path that was found, else by the path that the kernel reported. */
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

  /** @param place null when the cgroup is not found: then its earlier place counts, if one is known */
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

  /** Walks until the budget is used, or until a walk ends that began after all ids were asked for. */
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

  /** A walk proves the absence only of ids that were asked for before it began. */
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
