/** Which of many cgroups gives way where there is room for some: one of whoever has most, whatever those are called. */

interface Branch {
  count: number;
  readonly below: Map<string, Branch>;
}

/** Branches deeper than this share with those beside them: a path can have two thousand parts. */
const MAX_DEPTH = 8;

/** Counts by each folder above. The keys begin with a path, and no key is one of a folder of another. */
export class Shares {
  readonly #root = branch();

  get size(): number {
    return this.#root.count;
  }

  add(key: string): void {
    let at = this.#root;
    at.count++;
    for (const part of partsOf(key)) {
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
      const next = at.below.get(part);
      if (next === undefined) return;
      if (--next.count === 0) at.below.delete(part);
      at = next;
    }
  }

  /**
   * The one that gives way: the newest in the largest branch of the largest branch, and so on.
   *
   * @param newcomer the one that wants its place; null for nobody
   * @returns null where none has more than the newcomer's branches would have then
   */
  givesWay(newcomer: string | null): string | null {
    const taken: string[] = [];
    let own = newcomer === null ? null : partsOf(newcomer);
    for (let at = this.#root; at.below.size > 0; ) {
      let [part, next] = largestOf(at);
      if (own !== null) {
        const mine = own[taken.length] ?? '';
        const ofMine = at.below.get(mine);
        // One that gave way is not to come back for the one that it gave way to.
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
  return { count: 0, below: new Map() };
}

/** The last one of several. */
function largestOf({ below }: Branch): [string, Branch] {
  let largest: [string, Branch] = ['', branch()];
  for (const each of below) if (each[1].count >= largest[1].count) largest = each;
  return largest;
}

function partsOf(key: string): string[] {
  const parts = key.split('/');
  return parts.length <= MAX_DEPTH ? parts : [...parts.slice(0, MAX_DEPTH - 1), parts.slice(MAX_DEPTH - 1).join('/')];
}
