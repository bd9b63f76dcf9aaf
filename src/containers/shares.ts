/** Chooses the cgroup to evict where there is no room for all: one of the owner that has most. */

interface Branch {
  count: number;
  /** null for a leaf, of which there is one for each key. */
  below: Map<string, Branch> | null;
  /** The largest one below, of equal ones the last; null until somebody asks for it. */
  largest: readonly [part: string, branch: Branch] | null;
}

/** Below this depth branches are not told apart: a path can have two thousand parts. */
const MAX_DEPTH = 8;

/** Counts keys in each folder above them. Keys begin with a path; no key lies in the folder of another key. */
export class Shares {
  readonly #root = branch();

  get size(): number {
    return this.#root.count;
  }

  add(key: string): void {
    let at = this.#root;
    at.count++;
    for (const part of partsOf(key)) {
      at.below ??= new Map();
      at.largest = null;
      const next = at.below.get(part) ?? branch();
      at.below.set(part, next);
      next.count++;
      at = next;
    }
  }

  remove(key: string): void {
    let at = this.#root;
    at.count--;
    for (const part of partsOf(key)) {
      const next = at.below?.get(part);
      if (next === undefined) return;
      at.largest = null;
      if (--next.count === 0) at.below?.delete(part);
      at = next;
    }
  }

  /**
   * The key to evict: the newest in the largest branch of the largest branch, and so on.
   *
   * @param newcomer the key that needs room; null for none
   * @returns null where no branch is larger than the newcomer's would then be
   */
  givesWay(newcomer: string | null): string | null {
    const taken: string[] = [];
    let own = newcomer === null ? null : partsOf(newcomer);
    for (let at = this.#root, { below } = at; below !== null && below.size > 0; { below } = at) {
      // Asked for each container that finds no room, at each walk.
      at.largest ??= largestOf(below);
      let [part, next] = at.largest;
      if (own !== null) {
        const mine = own[taken.length] ?? '';
        const ofMine = below.get(mine);
        // A difference of 2, so that the evicted key does not evict the newcomer in turn.
        if (next.count >= (ofMine?.count ?? 0) + 2 && part !== mine) own = null;
        else if (ofMine === undefined) return null;
        else [part, next] = [mine, ofMine];
      }
      taken.push(part);
      at = next;
    }
    return taken.length === 0 ? null : taken.join('/');
  }
}

function branch(): Branch {
  return { count: 0, below: null, largest: null };
}

function largestOf(below: ReadonlyMap<string, Branch>): readonly [string, Branch] {
  let largest: readonly [string, Branch] = ['', branch()];
  for (const each of below) if (each[1].count >= largest[1].count) largest = each;
  return largest;
}

function partsOf(key: string): string[] {
  const parts = key.split('/');
  return parts.length <= MAX_DEPTH ? parts : [...parts.slice(0, MAX_DEPTH - 1), parts.slice(MAX_DEPTH - 1).join('/')];
}
