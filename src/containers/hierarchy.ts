/** The cgroup hierarchy that names containers, and its mount. Ids of two hierarchies must never be mixed. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readOrNull } from '../program/read-or-null.ts';
import { Refusal } from '../program/refusal.ts';
import { statCgroup } from './walk.ts';

export interface Hierarchy {
  readonly version: 1 | 2;
  /** The mount point; null when this process cannot see the hierarchy. */
  readonly mount: string | null;
}

/**
 * The v2 hierarchy, or the v1 hierarchy of the memory controller where there is one, because container runtimes move
 * tasks there.
 *
 * @param controllers the text of `/proc/cgroups`
 * @param mountinfo the text of `/proc/self/mountinfo`
 */
export function chooseHierarchy(controllers: string, mountinfo: string): Hierarchy {
  const version = /^memory\s+[1-9]/m.test(controllers) ? 1 : 2;
  return { version, mount: mountOf(version === 2 ? null : 'memory', mountinfo) };
}

/** @param controller of v1; null: the v2 hierarchy */
function mountOf(controller: string | null, mountinfo: string): string | null {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [mount = [], filesystem = []] = line.split(' - ').map((half) => half.split(' '));
    const [, , , root, path] = mount;
    const [type, , options = ''] = filesystem;
    const wanted =
      controller === null ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes(controller);
    return wanted && path !== undefined ? [{ height: heightOf(root ?? ''), path: unescapeMount(path) }] : [];
  });
  // Another mount may show only a part of the hierarchy, as in containers.
  const [best] = mounts.toSorted((a, b) => b.height - a.height);
  return best?.path ?? null;
}

/** How many levels above this cgroup namespace a mount begins: in a container the host's root shows as `/../..`. */
function heightOf(root: string): number {
  if (root === '/') return 0;
  return /^(\/\.\.)+$/.test(root) ? root.length / 3 : -1;
}

/** The v2 hierarchy, also where v1 has the memory controller: only v2 has pressure by cgroup. */
export function findV2Mount(): string | null {
  return mountOf(null, readOrNull('/proc/self/mountinfo') ?? '');
}

/** Where v1 has this controller: another hierarchy than that of memory, in which runtimes use the same paths. */
export function findV1Mount(controller: 'cpu' | 'cpuacct'): string | null {
  return mountOf(controller, readOrNull('/proc/self/mountinfo') ?? '');
}

/** Whether a cgroup exists in one of the hierarchies that name containers; also where nothing tells it. */
export function cgroupExists(): (cgroup: string) => boolean {
  const mounts = [findHierarchy().mount, findV2Mount()].filter((mount) => mount !== null);
  // Names that cannot be printed are escaped.
  return (cgroup) =>
    mounts.length === 0 || cgroup.includes('\\u{') || mounts.some((mount) => existsSync(join(mount, cgroup)));
}

/** The versions of which this process can see a mount. */
export function mountedHierarchies(mountinfo = readOrNull('/proc/self/mountinfo') ?? ''): { v1: boolean; v2: boolean } {
  return { v1: / - cgroup /.test(mountinfo), v2: / - cgroup2 /.test(mountinfo) };
}

/** The id of a cgroup by its path below the root of the hierarchy. Throws a {@link Refusal} that names the setting. */
export function cgroupIdOf({ mount }: Hierarchy, path: string): bigint {
  const setting = 'kernel.cgroup';
  if (mount === null) {
    const why = 'the cgroup hierarchy is not visible';
    throw new Refusal(setting, { why, cure: '-v /sys/fs/cgroup:/sys/fs/cgroup:ro' });
  }
  try {
    return statSync(join(mount, path), { bigint: true }).ino;
  } catch (error) {
    const why = `there is no cgroup "${path}" in ${mount}: ${(error as NodeJS.ErrnoException).code}`;
    throw new Refusal(setting, { why, cure: "cat /proc/PID/cgroup shows a process' own" }, { cause: error });
  }
}

/** The id of the cgroup at the mount point, 0 without a mount. */
export function mountIdOf({ mount }: Hierarchy): bigint {
  return (mount === null ? null : statCgroup(mount))?.ino ?? 0n;
}

/** mountinfo writes space, tab, newline and backslash as octal. */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export function findHierarchy(): Hierarchy {
  return chooseHierarchy(readOrNull('/proc/cgroups') ?? '', readOrNull('/proc/self/mountinfo') ?? '');
}
