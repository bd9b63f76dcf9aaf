/** From a cgroup's id to its path with one look, where this process may do that. */
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { LibbpfError, openKernfsNode } from '../libbpf/index.ts';
import { type Place, placeAt, rawPath } from '../raw-path.ts';
import { isBusy, lookAt, statCgroup } from './walk.ts';

/** `hidden`: it is there, and has no path that can be seen here: it is nested too deep, or not below the mount. */
export type ByHandle = Place | 'gone' | 'hidden';

/**
 * Where the cgroups are, by id. `refused` where the kernel does not allow it: without CAP_DAC_READ_SEARCH, or on what is no
 * cgroup filesystem; `busy` when it can be asked again soon.
 */
export function placesByHandle(mount: string, ids: Iterable<bigint>): Map<bigint, ByHandle> | 'refused' | 'busy' {
  let fd: number | undefined;
  try {
    fd = openSync(mount, 'r');
    // Other filesystems may know such handles, with another meaning.
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
    return placeBelow(mount, readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' }), id);
  } catch {
    return 'hidden'; // nested too deep to be named
  } finally {
    closeSync(fd);
  }
}

/** @param link one character for each byte */
function placeBelow(mount: string, link: string, id: bigint): ByHandle {
  const start = Buffer.from(mount).toString('latin1');
  if (link === start) return placeAt('/');
  if (!link.startsWith(`${start}/`)) return 'hidden'; // a part of the hierarchy may be mounted only
  const bytes = link.slice(start.length);
  const place = placeAt(rawPath(bytes));
  // Removed between the two calls; a cgroup can have that name as well.
  const isRemoved = bytes.endsWith(REMOVED) && lookAt(mount, place, id) !== 'there';
  return isRemoved ? placeAt(rawPath(bytes.slice(0, -REMOVED.length))) : place;
}

const REMOVED = ' (deleted)';
