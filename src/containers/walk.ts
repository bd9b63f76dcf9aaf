/** Walks a cgroup hierarchy folder by folder. */
import { type BigIntStats, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { joinRaw, type Place, placeAt, type RawPath, rawPath } from '../kernel/raw-path.ts';

export interface Found extends Place {
  /** A cgroup's inode number is its id (kernfs). */
  readonly id: bigint;
}

/** Whether a walk saw every cgroup; `busy`: it did not, for a temporary reason. */
export type WalkEnd = 'complete' | 'incomplete' | 'busy';

/**
 * Every cgroup below a mount, parents first, without those that are removed meanwhile. The caller may pause the walk.
 *
 * @param enters whether the walk goes on below a cgroup; called before anything below it is looked at
 */
export function* walk(mount: string, enters: (place: Place) => boolean = () => true): Generator<Found, WalkEnd> {
  let end: WalkEnd = 'complete';
  // One cgroup of each folder in turn, so that a folder with 40,000 does not delay the others. Joined late: paths can
  // be long.
  const listed: { readonly above: RawPath; readonly names: RawPath[] }[] = [{ above: '/', names: ['/'] }];
  for (let folders = listed.shift(); folders !== undefined; folders = listed.shift()) {
    const name = folders.names.pop();
    if (name === undefined) continue;
    listed.push(folders);
    const raw = joinRaw(folders.above, name);
    const folder = joinRaw(mount, raw);
    try {
      const place = placeAt(raw);
      const isEntered = enters(place);
      const stats = statCgroup(folder);
      if (stats === null) {
        if (raw === '/') end = 'incomplete'; // not mounted any more
        continue;
      }
      yield { ...place, id: stats.ino };
      // A cgroup without children has two links: its name and `.`. Listing it would read 60 entries.
      if (!isEntered || stats.nlink === 2n) continue;
      listed.push({ above: raw, names: subfolders(folder) });
    } catch (error) {
      if (end !== 'busy') end = isBusy((error as NodeJS.ErrnoException).code) ? 'busy' : 'incomplete';
    }
  }
  return end;
}

/** null when there is no such cgroup. Throws when that is unknown: nested too deep, or not permitted. */
export function statCgroup(path: RawPath): BigIntStats | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

/** Whether the cgroup with this id is at a place; `hidden` where that is unknown. */
export function lookAt(mount: string, { raw }: Place, id: bigint): 'there' | 'gone' | 'hidden' {
  try {
    return statCgroup(joinRaw(mount, raw))?.ino === id ? 'there' : 'gone';
  } catch {
    return 'hidden';
  }
}

/** Whether it is known that neither the cgroup nor one below it has a process. */
export function isEmpty(folder: RawPath): boolean {
  const events = joinRaw(folder, 'cgroup.events');
  try {
    // Asked before, since an error costs more than the answer.
    if (existsSync(events)) return /^populated 0$/m.test(readFileSync(events, 'utf8'));
    // v1's cgroup.procs lacks the processes of child cgroups.
    return statCgroup(folder)?.nlink === 2n && readFileSync(joinRaw(folder, 'cgroup.procs'), 'utf8') === '';
  } catch {
    return false;
  }
}

/** The mount of a hierarchy. While it is unmounted, no cgroup is known to be removed. */
export class Root {
  readonly #mount: string;
  readonly #id: string | null;

  constructor(mount: string) {
    this.#mount = mount;
    this.#id = this.#look();
  }

  get isMounted(): boolean {
    return this.#id !== null && this.#look() === this.#id;
  }

  #look(): string | null {
    try {
      const stats = statCgroup(this.#mount);
      return stats === null ? null : `${stats.dev}:${stats.ino}`;
    } catch {
      return null;
    }
  }
}

/** Whether this error says that a resource is exhausted for the moment. */
export function isBusy(code: string | undefined): boolean {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM' || code === 'EAGAIN' || code === 'EINTR';
}

function subfolders(path: RawPath): RawPath[] {
  try {
    return readdirSync(path, { withFileTypes: true, encoding: 'latin1' })
      .filter((entry) => entry.isDirectory())
      .map((entry) => rawPath(entry.name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV') return []; // removed during the walk
    throw error;
  }
}
