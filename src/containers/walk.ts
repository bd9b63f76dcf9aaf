/** A hierarchy of cgroups, folder by folder. */
import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Found {
  /** Below the mount; `/` is the mount itself. */
  readonly path: string;
  /** A cgroup's inode number is its id (kernfs). */
  readonly id: bigint;
}

/** Every cgroup below a mount, parents first. What is removed meanwhile is left out; one may stop and go on later. */
export function* walk(mount: string): Generator<Found> {
  const paths = ['/'];
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const stats = statCgroup(join(mount, path));
    if (stats === null) continue;
    yield { path, id: stats.ino };
    // A folder without folders has two links: its name and its own `.`. Listing it means going through 60 files.
    if (stats.nlink === 2n) continue;
    for (const name of subfolders(join(mount, path))) paths.push(join(path, name));
  }
}

/** null when the cgroup is gone, or nested too deep to be named. */
export function statCgroup(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function subfolders(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // removed during the walk
  }
}
