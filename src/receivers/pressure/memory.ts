/** What the files of a cgroup tell of its memory: how much it may still allocate, and the counters of memory.stat. */
import { readFileSync } from 'node:fs';
import { joinRaw, parentOf, placeAt, type RawPath } from '../../kernel/raw-path.ts';

type Read = (path: RawPath) => string;

/** Of memory.stat. */
interface Statistics {
  readonly inactiveFile: number;
  readonly majorFaults: number;
  readonly fileRefaults: number;
  /** All numbers, those of child cgroups included. */
  readonly all: () => Readonly<Record<string, number>>;
}

/** A cgroup of which the limit can be hit. */
export interface Level {
  readonly raw: RawPath;
  readonly name: string;
  readonly usageBytes: number;
  readonly limitBytes: number | null;
  readonly statistics?: () => Readonly<Record<string, number>>;
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
  readonly #limits = new Map<string, number | null>();
  readonly #usages = new Map<string, number | null>();
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
    for (const level of upwards(path)) {
      const headroom = once(this.#headrooms, level, (level) => this.#headroomOfOne(level));
      if (headroom !== null && (nearest === null || headroom < nearest)) nearest = headroom;
    }
    return nearest;
  }

  /** The cgroup, its usage, limit (null: none) and memory.stat; then those above it that have a limit. */
  *levels(path: RawPath): Generator<Level> {
    for (const level of upwards(path)) {
      const limitBytes = this.#limitOf(level);
      if (limitBytes === null && level !== path) continue;
      const usageBytes = this.usage(level);
      if (usageBytes === null) continue;
      const statistics = this.#statisticsOf(level)?.all;
      yield { raw: level, name: placeAt(level).path, usageBytes, limitBytes, ...(statistics && { statistics }) };
    }
  }

  /** null when the cgroup is removed, or without the memory controller. */
  usage(path: RawPath): number | null {
    return once(this.#usages, path, () => this.#numberIn(path, FILES[this.#hierarchy.version].usage));
  }

  /** The largest share of a limit that is used, of the cgroup and those above it; 0 without a limit. */
  share(path: RawPath): number {
    let largest = 0;
    for (const level of upwards(path)) {
      const limit = this.#limitOf(level);
      if (limit !== null) largest = Math.max(largest, (this.usage(level) ?? 0) / limit);
    }
    return largest;
  }

  /** Another text when a limit of the cgroup or of one above it has changed. */
  limits(path: RawPath): string {
    return Array.from(upwards(path), (level) => this.#limitOf(level)).join();
  }

  /** null without a limit of its own, or when the cgroup is removed. */
  #limitOf(path: RawPath): number | null {
    return once(this.#limits, path, () => {
      // `max` is no number. Without the memory controller a cgroup lacks these files.
      const limit = this.#numberIn(path, FILES[this.#hierarchy.version].limit);
      return limit !== null && limit < V1_NO_LIMIT ? limit : null;
    });
  }

  #numberIn(path: RawPath, file: string): number | null {
    try {
      const value = Number(this.#read(joinRaw(joinRaw(this.#hierarchy.mount, path), file)));
      return Number.isFinite(value) ? value : null;
    } catch {
      return null;
    }
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
    const limit = this.#limitOf(level);
    const usage = limit === null ? null : this.usage(level);
    if (limit === null || usage === null) return null;
    const headroom = limit - Math.max(usage - (this.#statisticsOf(level)?.inactiveFile ?? Number.NaN), 0);
    return Number.isFinite(headroom) ? headroom : null;
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
          all: () => numbersIn(text),
        };
      } catch {
        return null;
      }
    });
  }
}

/** A cgroup and those above it, without the root, which has no limit. */
function* upwards(path: RawPath): Generator<RawPath> {
  for (let level: RawPath | null = path; level !== null && level !== '/'; level = parentOf(level)) yield level;
}

function numbersIn(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Array.from(text.matchAll(/^(\w+) (\d+)$/gm), ([, name = '', value]) => [name, Number(value)]),
  );
}

function once<T>(known: Map<string, T>, path: RawPath, get: (path: RawPath) => T): T {
  const key = typeof path === 'string' ? path : `bytes ${path.toString('latin1')}`;
  const value = known.has(key) ? (known.get(key) as T) : get(path);
  known.set(key, value);
  return value;
}
