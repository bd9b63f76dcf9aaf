/**
 * Which cgroups give back their map entries when free ones run short: first those that are no more and that everybody has
 * read, then those of whoever holds more than a fair share.
 */

export interface Entry {
  readonly slot: number;
  readonly bornNs: number;
  /** null while it is there. */
  readonly goneSinceMs: number | null;
  /** Has everybody who reads had its last counts? */
  readonly isRead: boolean;
  /** Is it a series already? */
  readonly isShown: boolean;
  /** Whose cgroup it is: a pod, a container, a user. */
  readonly sharer: string;
}

/**
 * `end`: its last counts are known to all. `fold`: nobody has seen it, and its counts go to the overflow series.
 * `banish`: it lives, and counts in the overflow series from now on; its own series, if it is one, ends when all have
 * read it.
 */
export type Taking = 'end' | 'fold' | 'banish';

/** As many entries as this are kept free of what is over: so many can come between two looks. */
const SPARE = 1 / 4;
/** As many are kept free for whoever has none yet. */
const RESERVE = 1 / 8;

/**
 * @param free how many entries are free, or will be without anything further
 * @param total how many there are
 */
export function entriesToTake(entries: readonly Entry[], free: number, total: number): Map<number, Taking> {
  const taken = new Map<number, Taking>();
  const dead = entries.filter(({ goneSinceMs, isRead }) => goneSinceMs !== null && isRead);
  dead.sort((a, b) => (a.goneSinceMs ?? 0) - (b.goneSinceMs ?? 0));
  for (const { slot } of dead.slice(0, Math.max(0, Math.ceil(total * SPARE) - free))) taken.set(slot, 'end');

  const left = entries.filter(({ slot }) => !taken.has(slot));
  const held = [...Map.groupBy(left, ({ sharer }) => sharer).values()].map((all) => ({
    count: all.length,
    // What is no more and still to be read is free soon, without anybody's loss.
    takeable: all.filter(({ goneSinceMs, isShown }) => goneSinceMs === null || !isShown).sort(byLoss),
  }));
  // There is a place for one who has come since.
  const share = Math.max(1, Math.floor(total / (held.length + 1)));
  let missing = Math.ceil(total * RESERVE) - free - taken.size;
  for (; missing > 0; missing--) {
    const over = held.filter(({ count, takeable }) => count > share && takeable.length > 0);
    const most = over.reduce((a, b) => (b.count > a.count ? b : a), over[0] ?? NOBODY);
    const entry = most.takeable.shift();
    if (entry === undefined) break;
    most.count--;
    taken.set(entry.slot, entry.goneSinceMs === null ? 'banish' : 'fold');
  }
  return taken;
}

const NOBODY: { count: number; readonly takeable: Entry[] } = { count: 0, takeable: [] };

/** Those that are no more before those that live, those that nobody has seen before series, the latest first. */
function byLoss(a: Entry, b: Entry): number {
  const lives = Number(a.goneSinceMs === null) - Number(b.goneSinceMs === null);
  return lives || Number(a.isShown) - Number(b.isShown) || b.bornNs - a.bornNs;
}
