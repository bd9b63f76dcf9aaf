/** From a cgroup's id to its path with one look, where this process may do that. */
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { LibbpfError, openKernfsNode } from '../libbpf/index.ts';
import { statCgroup } from './walk.ts';

/**
 * The paths below the mount by id, null for a cgroup that is gone; null for all of it where the kernel refuses: without
 * CAP_DAC_READ_SEARCH, or on what is no cgroup filesystem.
 */
export function pathsByHandle(mount: string, ids: Iterable<bigint>): Map<bigint, string | null> | null {
  let fd: number;
  try {
    fd = openSync(mount, 'r');
  } catch {
    return null;
  }
  try {
    // Other filesystems may know such handles, with another meaning.
    const root = statCgroup(mount);
    if (root === null || pathByHandle(fd, mount, root.ino) !== '/') return null;
    return new Map(Array.from(ids, (id) => [id, pathByHandle(fd, mount, id)]));
  } catch (error) {
    if (error instanceof LibbpfError) return null;
    throw error;
  } finally {
    closeSync(fd);
  }
}

function pathByHandle(mountFd: number, mount: string, id: bigint): string | null {
  const fd = openKernfsNode(mountFd, id);
  if (fd === null) return null;
  try {
    return pathBelow(mount, readlinkSync(`/proc/self/fd/${fd}`), id);
  } catch {
    return null; // nested too deep to be named
  } finally {
    closeSync(fd);
  }
}

/** null for what the mount does not show: a part of the hierarchy may be mounted only. */
function pathBelow(mount: string, link: string, id: bigint): string | null {
  if (link === mount) return '/';
  if (!link.startsWith(`${mount}/`)) return null;
  const path = link.slice(mount.length);
  // Removed between the two calls; a cgroup can have that name as well.
  const isRemoved = path.endsWith(REMOVED) && statCgroup(join(mount, path))?.ino !== id;
  return isRemoved ? path.slice(0, -REMOVED.length) : path;
}

const REMOVED = ' (deleted)';
