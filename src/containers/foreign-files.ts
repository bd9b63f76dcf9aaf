/**
 * Reads files in folders that other users may control, without being led elsewhere: a path is walked folder by folder,
 * symbolic links are followed only where only root could have made them, and only regular files are read, up to a limit
 * and without blocking.
 */
import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readSync, type Stats } from 'node:fs';
import { linkOrNull } from '../program/read-or-null.ts';

/** Not among Node's constants; the same on x86-64 and arm64. */
const O_PATH = 0o10000000;
/** The kernel's limit. */
const MAX_LINKS = 40;

/** An open folder. */
export interface Folder extends Disposable {
  readonly fd: number;
  /** The folder's owner. */
  readonly uid: number;
}

/** null where the folder is missing or not permitted, or where the path goes through a user's symbolic link. */
export function openFolder(path: string): Folder | null {
  let at = open('/');
  const ahead = partsOf(path);
  let links = 0;
  for (let name = ahead.shift(); at !== null && name !== undefined; name = ahead.shift()) {
    const next = open(entry(at, name));
    if (next === null || !next.stats.isSymbolicLink()) {
      closeSync(at.fd);
      at = next;
      continue;
    }
    closeSync(next.fd);
    const target =
      ++links <= MAX_LINKS && next.stats.uid === 0 && at.stats.uid === 0 ? linkOrNull(entry(at, name)) : null;
    ahead.unshift(...partsOf(target ?? ''));
    if (target !== null && !target.startsWith('/')) continue;
    closeSync(at.fd);
    at = target === null ? null : open('/');
  }
  return at === null ? null : folderOf(at);
}

/** A folder below another one; null also where the path goes through a symbolic link. */
export function openBelow(folder: Folder, ...names: string[]): Folder | null {
  let at = open(`/proc/self/fd/${folder.fd}/.`);
  for (const name of names) {
    if (at === null) return null;
    const next = open(entry(at, name));
    closeSync(at.fd);
    at = next;
  }
  return at === null ? null : folderOf(at);
}

/** At most `limit` names in a folder; none where it cannot be read. */
export function listFolder({ fd }: Folder, limit: number): string[] {
  const names: string[] = [];
  try {
    using folder = opendirSync(`/proc/self/fd/${fd}`);
    for (let entry = folder.readSync(); entry !== null && names.length < limit; entry = folder.readSync()) {
      names.push(entry.name);
    }
  } catch {
    // Removed meanwhile, or not permitted.
  }
  return names;
}

/**
 * The text of a file in a folder. null for a file that cannot be read, is larger than `limit` or is no regular file. In
 * a user's folder null also for a file that is not the user's own, such as a hard link to a file of root's.
 */
export function readFileIn(folder: Folder, name: string, limit: number): string | null {
  let fd: number;
  try {
    fd = openSync(entry(folder, name), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > limit || (folder.uid !== 0 && stats.uid !== folder.uid)) return null;
    // The file may grow while it is read.
    const bytes = Buffer.alloc(stats.size);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = readSync(fd, bytes, length, bytes.length - length, null);
    }
    return bytes.toString('utf8', 0, length);
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

/** Changes with the file: its inode, size and times. null where it is missing or not permitted. */
export function stampOf(folder: Folder, name: string): string | null {
  try {
    const { ino, size, mtimeNs, ctimeNs } = lstatSync(entry(folder, name), { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return null;
  }
}

/** {@link readFileIn} by path. */
export function readForeignFile(path: string, limit: number): string | null {
  const [, parent = '', name = ''] = /^(.*\/)([^/]+)$/.exec(path) ?? [];
  using folder = openFolder(parent);
  return folder === null ? null : readFileIn(folder, name, limit);
}

interface Opened {
  readonly fd: number;
  readonly stats: Stats;
}

/** Opens a file of any kind without reading from it. */
function open(path: string): Opened | null {
  try {
    const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
    return { fd, stats: fstatSync(fd) };
  } catch {
    return null;
  }
}

function folderOf({ fd, stats }: Opened): Folder | null {
  if (stats.isDirectory()) return { fd, uid: stats.uid, [Symbol.dispose]: () => closeSync(fd) };
  closeSync(fd);
  return null;
}

function entry({ fd }: { readonly fd: number }, name: string): string {
  return `/proc/self/fd/${fd}/${name}`;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
