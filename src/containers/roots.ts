/** The root filesystems of the running containers. Those on another filesystem than overlayfs are not measured. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { readOrNull } from '../program/read-or-null.ts';
import { findHierarchy } from './hierarchy.ts';
import { identify } from './identity.ts';

export interface Roots {
  /** The number of containers on overlayfs. */
  readonly seen: number;
  /** The number of containers on other filesystems, by type, such as `fuse.fuse-overlayfs`. */
  readonly others: ReadonlyMap<string, number>;
  /** The number of containers that this process may not inspect. */
  readonly hidden: number;
}

/** A container's root is among its first mounts; it may have made a hundred thousand more. */
const MAX_MOUNTINFO_BYTES = 1 << 16;

/** Inspects one process of each container. */
export function containerRoots(): Roots {
  const { version } = findHierarchy();
  const types = new Map<string, string | null>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const { containerId } = identify(cgroupOf(pid, version));
    // If this process is not permitted, another one of the container may be.
    if (containerId === undefined || (types.get(containerId) ?? null) !== null) continue;
    types.set(containerId, rootTypeOf(pid));
  }
  const all = [...types.values()];
  const others = new Map<string, number>();
  for (const type of all) if (type !== null && type !== 'overlay') others.set(type, (others.get(type) ?? 0) + 1);
  return {
    seen: all.filter((type) => type === 'overlay').length,
    others,
    hidden: all.filter((type) => type === null).length,
  };
}

/** The process's cgroup in the hierarchy that names containers; null when the process has ended. */
export function cgroupOf(pid: string | number, version: 1 | 2): string | null {
  const line = version === 1 ? /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m : /^0::(.*)$/m;
  return line.exec(readOrNull(`/proc/${pid}/cgroup`) ?? '')?.[1] ?? null;
}

/** The type of the topmost mount at a process's root, null where it is unknown. */
export function rootTypeOf(pid: string): string | null {
  const bytes = Buffer.alloc(MAX_MOUNTINFO_BYTES);
  let length = 0;
  try {
    const fd = openSync(`/proc/${pid}/mountinfo`, 'r');
    try {
      for (let count = -1; count !== 0 && length < bytes.length; length += count) {
        count = readSync(fd, bytes, length, bytes.length - length, null);
      }
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
  const roots = bytes.toString('utf8', 0, length).matchAll(/^\d+ \d+ \S+ \S+ \/ .*? - (\S+) /gm);
  return [...roots].at(-1)?.[1] ?? null;
}
