/** Is every OOM kill counted? The kernel counts them, too: on the whole machine and by cgroup. */
import { readFileSync } from 'node:fs';
import type { Cgroups } from '../../containers/cgroups.ts';
import type { Hierarchy } from '../../containers/hierarchy.ts';
import { walk } from '../../containers/walk.ts';
import { joinRaw, type RawPath } from '../../kernel/raw-path.ts';
import { monotonicMs } from '../../program/clock.ts';

/** Where the kernel's count is read. */
export type ReconcileSource = 'vmstat' | 'memory_events';

export interface ReconciliationOptions {
  readonly hierarchy: Hierarchy;
  readonly cgroups: Cgroups;
  /** Every kill that was seen since the start, also those that filters leave out. */
  readonly seen: () => number;
  /** Whether the kills of a cgroup are all told, or a filter leaves some out. */
  readonly isWhole: boolean;
  /** For tests. */
  readonly vmstat?: string;
  readonly lookMs?: number;
}

/** For how long the start may be held up by looking at each cgroup, in ms. */
const LOOK_MS = 2000;
/** The cgroups that lost a process, the last ones. */
const MAX_CGROUPS = 1000;

export class OomReconciliation {
  readonly #options: ReconciliationOptions;
  /** The kernel's count when ours was 0. */
  readonly #before: number | null;
  /** By cgroup: what was killed there before, where that is more than nothing. */
  readonly #beforeIn = new Map<bigint, number>();
  readonly #killsIn = new Map<bigint, number>();
  /** Whether the kills of each cgroup can be compared: all are told, and what was before is known. */
  readonly #isByCgroup: boolean;

  /** To be created right after the kills began to be seen. Looks at every cgroup once, unless there are too many. */
  constructor(options: ReconciliationOptions) {
    this.#options = options;
    const now = this.#onMachine();
    this.#before = now === null ? null : now - options.seen();
    this.#isByCgroup = options.isWhole && this.#lookAtAll(options.lookMs ?? LOOK_MS);
  }

  /** @returns whether that was possible in this time */
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

  /** A process of this cgroup was killed, and is counted under it. */
  saw(cgroupId: bigint): void {
    const kills = this.#killsIn.get(cgroupId) ?? 0;
    this.#killsIn.delete(cgroupId); // last in the order of insertion
    this.#killsIn.set(cgroupId, kills + 1);
    const [oldest] = this.#killsIn.keys();
    if (this.#killsIn.size > MAX_CGROUPS && oldest !== undefined) this.#killsIn.delete(oldest);
  }

  /** What the kernel counts more than was seen here, by source; absent where its count cannot be read. */
  differences(): Partial<Record<ReconcileSource, number>> {
    const now = this.#onMachine();
    return {
      ...(now !== null && this.#before !== null && { vmstat: now - this.#before - this.#options.seen() }),
      ...(this.#isByCgroup && { memory_events: this.#inCgroups() }),
    };
  }

  /** Of the cgroups that lost a process and are still there. */
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

  /** Of the cgroup itself, without those below it. */
  #in(path: RawPath): number | null {
    const { version, mount } = this.#options.hierarchy;
    return killsIn(joinRaw(joinRaw(mount ?? '', path), version === 1 ? 'memory.oom_control' : 'memory.events.local'));
  }
}

/** The line `oom_kill N` of a file, null where there is none. */
function killsIn(file: RawPath): number | null {
  try {
    const [, kills] = /^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8')) ?? [];
    return kills === undefined ? null : Number(kills);
  } catch {
    return null; // gone, or the root, which has none in v2
  }
}
