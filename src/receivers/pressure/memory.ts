/** What the files of a cgroup tell of its memory: how much it may still allocate, and the counters of memory.stat. */
import { readFileSync } from 'node:fs';
import { joinRaw, parentOf, type RawPath } from '../../kernel/raw-path.ts';

type Read = (path: RawPath) => string;

/** Of memory.stat. */
interface Statistics {
  readonly inactiveFile: number;
  readonly majorFaults: number;
  readonly fileRefaults: number;
}

interface Hierarchy {
  readonly mount: string;
  readonly version: 1 | 2;
}

/** Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst; only v1's `total_…` includes child cgroups. */
const FILES = {
  1: {
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    inactiveFile: 'total_inactive_file',
    majorFaults: 'total_pgmajfault',
    fileRefaults: 'total_workingset_refault_file',
  },
  2: {
    limit: 'memory.max',
    usage: 'memory.current',
    inactiveFile: 'inactive_file',
    majorFaults: 'pgmajfault',
    fileRefaults: 'workingset_refault_file',
  },
} as const;

/** v1 shows no limit as the largest number of pages, in bytes; this is more than any machine has. */
const V1_NO_LIMIT = 2 ** 62;

/** The memory of cgroups in one round. Each file is read once: the containers of a pod share all levels but the last. */
export class MemoryReader {
  readonly #hierarchy: Hierarchy;
  readonly #read: Read;
  readonly #headrooms = new Map<string, number | null>();
  readonly #statistics = new Map<string, Statistics | null>();

  constructor(hierarchy: Hierarchy, read: Read = (file) => readFileSync(file, 'utf8')) {
    this.#hierarchy = hierarchy;
    this.#read = read;
  }

  /**
   * The bytes to the nearest limit of the cgroup or its ancestors: limit − (usage − inactive file pages), since the
   * kernel can reclaim inactive file pages easily. Below 0 for a moment after a limit was lowered.
   *
   * @param path below the mount
   * @returns null without a limit, or when the cgroup is removed
   */
  headroom(path: RawPath): number | null {
    let nearest: number | null = null;
    // The root has no limit.
    for (let level: RawPath | null = path; level !== null && level !== '/'; level = parentOf(level)) {
      const headroom = once(this.#headrooms, level, (level) => this.#headroomOfOne(level));
      if (headroom !== null && (nearest === null || headroom < nearest)) nearest = headroom;
    }
    return nearest;
  }

  /**
   * A counter of memory.stat, of the cgroup and those below it.
   *
   * @returns null where the kernel has no such counter, without the memory controller, or when the cgroup is removed
   */
  counter(path: RawPath, name: 'majorFaults' | 'fileRefaults'): number | null {
    const value = this.#statisticsOf(path)?.[name];
    return Number.isFinite(value) ? (value ?? null) : null;
  }

  #headroomOfOne(level: RawPath): number | null {
    const { mount, version } = this.#hierarchy;
    const { limit: limitFile, usage: usageFile } = FILES[version];
    const folder = joinRaw(mount, level);
    try {
      const limit = Number(this.#read(joinRaw(folder, limitFile)));
      // `max` is no number. Without the memory controller a cgroup lacks these files.
      if (!(limit < V1_NO_LIMIT)) return null;
      const usage = Number(this.#read(joinRaw(folder, usageFile)));
      const headroom = limit - Math.max(usage - (this.#statisticsOf(level)?.inactiveFile ?? Number.NaN), 0);
      return Number.isFinite(headroom) ? headroom : null;
    } catch {
      return null;
    }
  }

  #statisticsOf(path: RawPath): Statistics | null {
    return once(this.#statistics, path, () => {
      const { mount, version } = this.#hierarchy;
      const { inactiveFile, majorFaults, fileRefaults } = FILES[version];
      try {
        const text = this.#read(joinRaw(joinRaw(mount, path), 'memory.stat'));
        const value = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
        return {
          inactiveFile: value(inactiveFile),
          majorFaults: value(majorFaults),
          fileRefaults: value(fileRefaults),
        };
      } catch {
        return null;
      }
    });
  }
}

function once<T>(known: Map<string, T>, path: RawPath, get: (path: RawPath) => T): T {
  const key = typeof path === 'string' ? path : `bytes ${path.toString('latin1')}`;
  const value = known.has(key) ? (known.get(key) as T) : get(path);
  known.set(key, value);
  return value;
}
