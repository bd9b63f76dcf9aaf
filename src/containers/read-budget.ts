/**
 * Bounds what is read of each user's files. A user can make any number of cgroups that look like containers, and
 * rewrite the files that name them.
 */
import { monotonicMs } from '../program/clock.ts';

/** What may be read at once, in bytes: a few of the largest lists, or hundreds of usual ones. */
const MAX_BYTES = 1 << 25;
/** What may be read for long, in bytes in a second: half a percent of a CPU. */
const BYTES_PER_S = 1 << 20;

export class ReadBudget {
  readonly #spent = new Map<number, { bytes: number; atMs: number }>();

  /** Whether the user's files may be read now. Root's always may. */
  allows(uid: number, nowMs = monotonicMs()): boolean {
    return uid === 0 || this.#spentBy(uid, nowMs) < MAX_BYTES;
  }

  /** Counts what was read. */
  spend(uid: number, bytes: number, nowMs = monotonicMs()): void {
    if (uid !== 0) this.#spent.set(uid, { bytes: this.#spentBy(uid, nowMs) + bytes, atMs: nowMs });
  }

  #spentBy(uid: number, nowMs: number): number {
    const { bytes, atMs } = this.#spent.get(uid) ?? { bytes: 0, atMs: nowMs };
    return Math.max(0, bytes - ((nowMs - atMs) / 1000) * BYTES_PER_S);
  }
}
