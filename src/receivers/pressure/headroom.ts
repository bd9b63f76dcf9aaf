/** The memory that a cgroup may still allocate. */
import { readFileSync } from 'node:fs';
import { joinRaw, parentOf, type RawPath } from '../../kernel/raw-path.ts';

type Read = (path: RawPath) => string;

/** Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst; only v1's `total_…` includes child cgroups. */
const FILES = {
  1: { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', inactiveFile: 'total_inactive_file' },
  2: { limit: 'memory.max', usage: 'memory.current', inactiveFile: 'inactive_file' },
} as const;

/** v1 shows no limit as the largest number of pages, in bytes; this is more than any machine has. */
const V1_NO_LIMIT = 2 ** 62;

/**
 * The bytes to the nearest limit of the cgroup or its ancestors: limit − (usage − inactive file pages), since the
 * kernel can reclaim inactive file pages easily. Below 0 for a moment after a limit was lowered.
 *
 * @param path below the mount
 * @param levels a cache for one round: the containers of a pod share all levels but the last
 * @returns null without a limit, or when the cgroup is removed
 */
export function readHeadroom(
  { mount, version }: { readonly mount: string; readonly version: 1 | 2 },
  path: RawPath,
  levels = new Map<string, number | null>(),
  read: Read = (file) => readFileSync(file, 'utf8'),
): number | null {
  let nearest: number | null = null;
  // The root has no limit.
  for (let level: RawPath | null = path; level !== null && level !== '/'; level = parentOf(level)) {
    const key = typeof level === 'string' ? level : `bytes ${level.toString('latin1')}`;
    let headroom = levels.get(key);
    if (headroom === undefined) {
      headroom = headroomOfOne(joinRaw(mount, level), version, read);
      levels.set(key, headroom);
    }
    if (headroom !== null && (nearest === null || headroom < nearest)) nearest = headroom;
  }
  return nearest;
}

function headroomOfOne(folder: RawPath, version: 1 | 2, read: Read): number | null {
  const { limit: limitFile, usage: usageFile, inactiveFile } = FILES[version];
  try {
    const limit = Number(read(joinRaw(folder, limitFile)));
    // `max` is no number. Without the memory controller a cgroup lacks these files.
    if (!(limit < V1_NO_LIMIT)) return null;
    const usage = Number(read(joinRaw(folder, usageFile)));
    const inactive = Number(
      new RegExp(`^${inactiveFile} (\\d+)$`, 'm').exec(read(joinRaw(folder, 'memory.stat')))?.[1],
    );
    const headroom = limit - Math.max(usage - inactive, 0);
    return Number.isFinite(headroom) ? headroom : null;
  } catch {
    return null;
  }
}
