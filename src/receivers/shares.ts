/**
 * Chooses the map entries to take back when free ones run short: first those of removed cgroups that all readers have
 * read, then those of owners with more than a fair share.
 */

export interface Entry {
  readonly slot: number;
  /** What it takes of the memory that all entries share: 1 is an entry's part, and the least that an entry takes. */
  readonly size: number;
  readonly bornNs: number;
  /** null while the cgroup exists. */
  readonly goneSinceMs: number | null;
  /** Whether all readers have read its last counts. */
  readonly isRead: boolean;
  /** Whether a reader has seen its series. */
  readonly isShown: boolean;
  /** The cgroup's owner: a pod, a container, a user. */
  readonly sharer: string;
}

/**
 * `end`: all readers have its last counts. `fold`: no reader has seen it, so its counts go to the overflow series.
 * `banish`: the cgroup exists, and counts in the overflow series from now on; its own series, if any, ends when all
 * readers have read it.
 */
export type Taking = 'end' | 'fold' | 'banish';

/** The share of entries that is kept free of removed cgroups, for new cgroups between two calls. */
const SPARE = 1 / 4;
/** The share of entries that is kept free for owners without an entry. */
const RESERVE = 1 / 8;

/**
 * @param free the number of entries that are free or will be without further action
 * @param total the number of all entries
 */
export function entriesToTake(entries: readonly Entry[], free: number, total: number): Map<number, Taking> {
  const taken = new Map<number, Taking>();
  const dead = entries.filter(({ goneSinceMs, isRead }) => goneSinceMs !== null && isRead);
  dead.sort((a, b) => (a.goneSinceMs ?? 0) - (b.goneSinceMs ?? 0));
  let spare = Math.ceil(total * SPARE) - free;
  let missing = Math.ceil(total * RESERVE) - free;
  for (const { slot, size } of dead) {
    if (spare <= 0) break;
    spare -= size;
    missing -= size;
    taken.set(slot, 'end');
  }

  const left = entries.filter(({ slot }) => !taken.has(slot));
  const held = [...Map.groupBy(left, ({ sharer }) => sharer).values()].map((all) => ({
    size: sizeOf(all),
    count: all.length,
    // Removed cgroups with unread counts are left out: their entries will be free soon without a loss.
    takeable: all.filter(({ goneSinceMs, isShown }) => goneSinceMs === null || !isShown).sort(byLoss),
  }));
  // One more share, for a new owner.
  const share = Math.max(1, Math.floor(total / (held.length + 1)));
  while (missing > 0) {
    // Whoever has a single cgroup keeps it, whatever that does.
    const over = held.filter(({ size, count, takeable }) => size > share && count > 1 && takeable.length > 0);
    const most = over.reduce((a, b) => (b.size > a.size ? b : a), over[0] ?? NOBODY);
    const entry = most.takeable.shift();
    if (entry === undefined) break;
    missing -= entry.size;
    most.size -= entry.size;
    most.count--;
    taken.set(entry.slot, entry.goneSinceMs === null ? 'banish' : 'fold');
  }
  return taken;
}

const NOBODY: { size: number; count: number; readonly takeable: Entry[] } = { size: 0, count: 0, takeable: [] };

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0);
}

/** Removed cgroups before living ones, unseen ones before series, the latest first. */
function byLoss(a: Entry, b: Entry): number {
  const lives = Number(a.goneSinceMs === null) - Number(b.goneSinceMs === null);
  return lives || Number(a.isShown) - Number(b.isShown) || b.bornNs - a.bornNs;
}
