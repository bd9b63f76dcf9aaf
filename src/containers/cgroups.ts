/** From a cgroup's id, which is all the kernel programs know, to its path; and whether it is still there. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export class Cgroups {
  readonly #mount: string | null;
  /** Only ids somebody asked for; null for one that was gone before it could be named. */
  readonly #paths = new Map<bigint, string | null>();

  /** @param mount where the hierarchy is mounted, null when it is not visible */
  constructor(mount: string | null) {
    this.#mount = mount;
  }

  /** Names the ids not seen before, with one walk of the hierarchy for all of them. */
  learn(ids: Iterable<bigint>): void {
    const unknown = new Set<bigint>();
    for (const id of ids) if (!this.#paths.has(id)) unknown.add(id);
    if (unknown.size === 0) return;
    for (const [id, path] of this.#walk(unknown)) this.#paths.set(id, path);
    for (const id of unknown) if (!this.#paths.has(id)) this.#paths.set(id, null);
  }

  knows(id: bigint): boolean {
    return this.#paths.has(id);
  }

  /** The path below the mount (`/` is its root), or null for a cgroup that could not be found. */
  path(id: bigint): string | null {
    return this.#paths.get(id) ?? null;
  }

  /** Is the cgroup removed? One that could not be found counts as removed. */
  isGone(id: bigint): boolean {
    const path = this.#paths.get(id);
    if (path == null || this.#mount === null) return true;
    return inode(join(this.#mount, path)) !== id;
  }

  /** The paths of all cgroups that are there now, by a walk of the whole hierarchy. */
  *paths(): Generator<string> {
    if (this.#mount === null) return;
    for (const path of descend(this.#mount)) yield path;
  }

  forget(id: bigint): void {
    this.#paths.delete(id);
  }

  *#walk(wanted: ReadonlySet<bigint>): Generator<[bigint, string]> {
    if (this.#mount === null) return;
    let missing = wanted.size;
    for (const path of descend(this.#mount)) {
      // A cgroup's inode number is its id (kernfs).
      const id = inode(join(this.#mount, path));
      if (id === null || !wanted.has(id)) continue;
      yield [id, path];
      if (--missing === 0) return;
    }
  }
}

/** Every cgroup below a mount, parents first. */
function* descend(mount: string): Generator<string> {
  const directories = ['/'];
  for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
    yield path;
    for (const name of subdirectories(join(mount, path))) directories.push(join(path, name));
  }
}

/** The inode number, or null when the directory has just gone, or is nested too deep to be named. */
function inode(path: string): bigint | null {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
  } catch {
    return null;
  }
}

function subdirectories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // removed during the walk
  }
}
