/** The root filesystems of the running containers. Those on another filesystem than overlayfs are not measured. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { linkOrNull, readOrNull } from '../program/read-or-null.ts';
import { findHierarchy } from './hierarchy.ts';
import { identify } from './identity.ts';

export interface Roots {
  /** The number of containers on overlayfs. */
  readonly seen: number;
  /** The number of containers on other filesystems, by type, such as `fuse.fuse-overlayfs`. */
  readonly others: ReadonlyMap<string, number>;
  /** The number of containers that this process may not inspect. */
  readonly hidden: number;
  /** The number of containers that have a kernel of their own, by what gives them one; each is counted above, too. */
  readonly sandboxed: ReadonlyMap<Sandbox, number>;
}

export type Sandbox = 'gVisor' | 'a virtual machine';

/** What gives a container a kernel of its own, by the file of a program that runs in its cgroup. */
export function sandboxOf(program: string): Sandbox | null {
  const name = program.replace(/^.*\//, '');
  if (name === 'runsc') return 'gVisor';
  // Those that Kata starts.
  return /^(qemu-system-\w+|cloud-hypervisor|firecracker|stratovirt)$/.test(name) ? 'a virtual machine' : null;
}

/** A container's root is among its first mounts; it may have made a hundred thousand more. */
const MAX_MOUNTINFO_BYTES = 1 << 16;

/** Inspects one process of each container. */
export function containerRoots(): Roots {
  const { version } = findHierarchy();
  const types = new Map<string, string | null>();
  const sandboxes = new Map<string, Sandbox>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const { containerId } = identify(cgroupOf(pid, version));
    if (containerId === undefined) continue;
    const sandbox = sandboxOf(linkOrNull(`/proc/${pid}/exe`) ?? '');
    if (sandbox !== null) sandboxes.set(containerId, sandbox);
    // If this process is not permitted, another one of the container may be.
    if ((types.get(containerId) ?? null) === null) types.set(containerId, rootTypeOf(pid));
  }
  const all = [...types.values()];
  return {
    sandboxed: countEach([...sandboxes.values()]),
    seen: all.filter((type) => type === 'overlay').length,
    others: countEach(all.filter((type): type is string => type !== null && type !== 'overlay')),
    hidden: all.filter((type) => type === null).length,
  };
}

function countEach<T>(values: readonly T[]): Map<T, number> {
  return new Map(
    Array.from(
      Map.groupBy(values, (value) => value),
      ([value, { length }]) => [value, length],
    ),
  );
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
