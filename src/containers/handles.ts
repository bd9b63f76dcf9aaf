/** Resolves cgroup ids to paths by file handles, which needs CAP_DAC_READ_SEARCH. */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { type Place, placeAt, placeDeepBelow, rawPath } from '../kernel/raw-path.ts';
import { LibbpfError, openKernfsNode } from '../native/index.ts';
import { isBusy, lookAt, statCgroup } from './walk.ts';

/** `hidden`: the cgroup exists, but not below the mount. */
export type ByHandle = Place | 'gone' | 'hidden';

/**
 * The places of cgroups by id. `refused` without CAP_DAC_READ_SEARCH or on another filesystem; `busy` when the caller
 * can ask again soon.
 */
export function placesByHandle(mount: string, ids: Iterable<bigint>): Map<bigint, ByHandle> | 'refused' | 'busy' {
  let fd: number | undefined;
  try {
    fd = openSync(mount, 'r');
    // On other filesystems such a handle may mean another file.
    const root = statCgroup(mount);
    if (root === null) return 'refused';
    const at = placeByHandle(fd, mount, root.ino);
    if (typeof at === 'string' || at.path !== '/') return 'refused';
    const places = new Map<bigint, ByHandle>();
    for (const id of ids) places.set(id, placeByHandle(fd, mount, id));
    return places;
  } catch (error) {
    const code = error instanceof LibbpfError ? error.code : (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    return isBusy(code) ? 'busy' : 'refused';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function placeByHandle(mountFd: number, mount: string, id: bigint): ByHandle {
  const fd = openKernfsNode(mountFd, id);
  if (fd === null) return 'gone';
  try {
    const link = linkOf(fd);
    return link === null ? deepBelow(mount, fd) : placeBelow(mount, link, id);
  } catch (error) {
    if (isBusy((error as NodeJS.ErrnoException).code)) throw error;
    return 'hidden';
  } finally {
    closeSync(fd);
  }
}

/** The number of `/..` that fit into a path. */
const MAX_LEVELS = 1024;
/** How often MAX_LEVELS are climbed: 32,768 nested cgroups would take 4 GB of kernel memory. */
const MAX_HOPS = 32;

/** The nearest ancestor whose path fits, by bisection: thousands of cgroups can be nested. */
function deepBelow(mount: string, fd: number, hops = MAX_HOPS): ByHandle {
  if (hops === 0) return 'hidden';
  const linkAbove = (levels: number): string | null => withAncestor(fd, levels, linkOf);
  if (linkAbove(MAX_LEVELS) === null) {
    return withAncestor(fd, MAX_LEVELS, (above) => deepBelow(mount, above, hops - 1));
  }
  let tooFew = 0;
  let enough = MAX_LEVELS;
  while (enough - tooFew > 1) {
    const levels = (tooFew + enough) >> 1;
    if (linkAbove(levels) === null) tooFew = levels;
    else enough = levels;
  }
  const ancestor = placeBelow(mount, linkAbove(enough) ?? '');
  return typeof ancestor === 'string' ? ancestor : placeDeepBelow(ancestor);
}

function withAncestor<T>(fd: number, levels: number, use: (above: number) => T): T {
  const above = openSync(`/proc/self/fd/${fd}${'/..'.repeat(levels)}`, O_PATH);
  try {
    return use(above);
  } finally {
    closeSync(above);
  }
}

/** Not in `constants` of Node. */
const O_PATH = 0o10000000 | constants.O_DIRECTORY;

/** The path with one character for each byte (latin1); null when it is too long for the kernel to return. */
function linkOf(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return null;
    throw error;
  }
}

/** @param link the path with one character for each byte */
function placeBelow(mount: string, link: string, id?: bigint): ByHandle {
  const start = Buffer.from(mount).toString('latin1');
  if (link === start) return placeAt('/');
  if (!link.startsWith(`${start}/`)) return 'hidden'; // only a part of the hierarchy may be mounted
  const bytes = link.slice(start.length);
  const place = placeAt(rawPath(bytes));
  // The cgroup was removed between the two calls, or its name ends like this.
  const isRemoved = id !== undefined && bytes.endsWith(REMOVED) && lookAt(mount, place, id) !== 'there';
  return isRemoved ? placeAt(rawPath(bytes.slice(0, -REMOVED.length))) : place;
}

const REMOVED = ' (deleted)';
