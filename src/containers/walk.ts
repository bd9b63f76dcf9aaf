/** A hierarchy of cgroups, folder by folder. */
import { type BigIntStats, readdirSync, readFileSync, statSync } from 'node:fs';
import { joinRaw, type Place, placeAt, type RawPath, rawPath } from '../kernel/raw-path.ts';

export interface Found extends Place {
  /** A cgroup's inode number is its id (kernfs). */
  readonly id: bigint;
}

/** Whether a walk saw everything; `busy`: it did not, for a reason that may be over soon. */
export type WalkEnd = 'complete' | 'incomplete' | 'busy';

/** Every cgroup below a mount, parents first. What is removed meanwhile is left out; one may stop and go on later. */
export function* walk(mount: string): Generator<Found, WalkEnd> {
  let end: WalkEnd = 'complete';
  // One of each folder in turn, so that none with 40,000 holds up those beside it; joined late, as paths can be long.
  const listed: { readonly above: RawPath; readonly names: RawPath[] }[] = [{ above: '/', names: ['/'] }];
  for (let folders = listed.shift(); folders !== undefined; folders = listed.shift()) {
    const name = folders.names.pop();
    if (name === undefined) continue;
    listed.push(folders);
    const raw = joinRaw(folders.above, name);
    const folder = joinRaw(mount, raw);
    try {
      const stats = statCgroup(folder);
      if (stats === null) {
        if (raw === '/') end = 'incomplete'; // it is not mounted any more
        continue;
      }
      yield { ...placeAt(raw), id: stats.ino };
      // A folder without folders has two links: its name and its own `.`. Listing it means going through 60 files.
      if (stats.nlink === 2n) continue;
      listed.push({ above: raw, names: subfolders(folder) });
    } catch (error) {
      if (end !== 'busy') end = isBusy((error as NodeJS.ErrnoException).code) ? 'busy' : 'incomplete';
    }
  }
  return end;
}

/** null when there is none. Throws when that cannot be seen: it is nested too deep, or this process may not look. */
export function statCgroup(path: RawPath): BigIntStats | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

/** Whether there is a cgroup with this id at a place; `hidden` where that cannot be seen. */
export function lookAt(mount: string, { raw }: Place, id: bigint): 'there' | 'gone' | 'hidden' {
  try {
    return statCgroup(joinRaw(mount, raw))?.ino === id ? 'there' : 'gone';
  } catch {
    return 'hidden';
  }
}

/** Has the cgroup surely no process, nor those below it? */
export function isEmpty(folder: RawPath): boolean {
  try {
    return /^populated 0$/m.test(readFileSync(joinRaw(folder, 'cgroup.events'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return false;
  }
  try {
    // v1 does not tell of those below it.
    return statCgroup(folder)?.nlink === 2n && readFileSync(joinRaw(folder, 'cgroup.procs'), 'utf8') === '';
  } catch {
    return false;
  }
}

/** Where a hierarchy is mounted. While it is not, none of its cgroups can be seen. */
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

/** Is this error about what others use up for the moment, and no refusal? */
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
