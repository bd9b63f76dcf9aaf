/** Compares the counted OOM kills with the kernel's own counters, of the machine and of each cgroup. */
import { readFileSync } from 'node:fs';
import type { Cgroups } from '../../containers/cgroups.ts';
import type { Hierarchy } from '../../containers/hierarchy.ts';
import { walk } from '../../containers/walk.ts';
import { joinRaw, type RawPath } from '../../kernel/raw-path.ts';
import { monotonicMs } from '../../program/clock.ts';

/** The source of the kernel's count. */
export type ReconcileSource = 'vmstat' | 'memory_events';

export interface ReconciliationOptions {
  readonly hierarchy: Hierarchy;
  readonly cgroups: Cgroups;
  /** The number of kills since the start, also those that filters leave out. */
  readonly seen: () => number;
  /** Whether no filter leaves out kills within a cgroup. */
  readonly isWhole: boolean;
  /** For tests. */
  readonly vmstat?: string;
  readonly lookMs?: number;
}

/** How long reading every cgroup's count may delay the start, in ms. */
const LOOK_MS = 2000;
/** The limit of remembered cgroups with kills; the oldest are forgotten. */
const MAX_CGROUPS = 1000;

export class OomReconciliation {
  readonly #options: ReconciliationOptions;
  /** The kernel's count at the start. */
  readonly #before: number | null;
  /** By cgroup, the kernel's count at the start, where it is not 0. */
  readonly #beforeIn = new Map<bigint, number>();
  readonly #killsIn = new Map<bigint, number>();
  /** Whether cgroups can be compared: no filter leaves out kills, and the counts at the start are known. */
  readonly #isByCgroup: boolean;

  /** Created right after attaching. Reads the count of every cgroup once, unless there are too many. */
  constructor(options: ReconciliationOptions) {
    this.#options = options;
    const now = this.#onMachine();
    this.#before = now === null ? null : now - options.seen();
    this.#isByCgroup = options.isWhole && this.#lookAtAll(options.lookMs ?? LOOK_MS);
  }

  /** @returns whether all counts were read in time */
  #lookAtAll(ms: number): boolean {
    const { mount } = this.#options.hierarchy;
    const untilMs = monotonicMs() + ms;
    for (const { id, raw } of mount === null ? [] : walk(mount)) {
      const kills = this.#in(raw);
      if (kills !== null && kills > 0) this.#beforeIn.set(id, kills);
      if (monotonicMs() < untilMs) continue;
      this.#beforeIn.clear();
      return false;
    }
    return true;
  }

  saw(cgroupId: bigint): void {
    const kills = this.#killsIn.get(cgroupId) ?? 0;
    this.#killsIn.delete(cgroupId); // last in the order of insertion
    this.#killsIn.set(cgroupId, kills + 1);
    const [oldest] = this.#killsIn.keys();
    if (this.#killsIn.size > MAX_CGROUPS && oldest !== undefined) this.#killsIn.delete(oldest);
  }

  /** The kernel's count minus Floatie's, by source; absent where the kernel's count cannot be read. */
  differences(): Partial<Record<ReconcileSource, number>> {
    const now = this.#onMachine();
    return {
      ...(now !== null && this.#before !== null && { vmstat: now - this.#before - this.#options.seen() }),
      ...(this.#isByCgroup && { memory_events: this.#inCgroups() }),
    };
  }

  /** The difference over all existing cgroups with kills. */
  #inCgroups(): number {
    const { cgroups } = this.#options;
    let difference = 0;
    for (const [id, kills] of this.#killsIn) {
      const place = cgroups.isGone(id) ? null : cgroups.place(id);
      const now = place === null ? null : this.#in(place.raw);
      if (now !== null) difference += now - (this.#beforeIn.get(id) ?? 0) - kills;
    }
    return difference;
  }

  #onMachine(): number | null {
    return killsIn(this.#options.vmstat ?? '/proc/vmstat');
  }

  /** The kernel's count of a cgroup without its children. */
  #in(path: RawPath): number | null {
    const { version, mount } = this.#options.hierarchy;
    return killsIn(joinRaw(joinRaw(mount ?? '', path), version === 1 ? 'memory.oom_control' : 'memory.events.local'));
  }
}

/** N in the line `oom_kill N` of a file, or null. */
function killsIn(file: RawPath): number | null {
  try {
    const [, kills] = /^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8')) ?? [];
    return kills === undefined ? null : Number(kills);
  } catch {
    return null; // removed, or the root, which lacks the file in v2
  }
}
