/** The paths of the cgroups of kills. */
import type { CgroupPath } from '../cgroup-path.ts';
import type { OomTask } from './events.ts';
import { isBelow } from './kmsg-cgroups.ts';

/** The last paths. The kernel sends a path once for each burst of kills. */
export class OomPaths {
  static readonly #MAX = 64;
  readonly #paths = new Map<bigint, CgroupPath>();
  readonly #version: 1 | 2;

  /** @param version the hierarchy of the paths */
  constructor(version: 1 | 2) {
    this.#version = version;
  }

  add(path: CgroupPath): void {
    this.#paths.delete(path.cgroupId);
    this.#paths.set(path.cgroupId, path);
    const [oldest] = this.#paths.keys();
    if (this.#paths.size > OomPaths.#MAX && oldest !== undefined) this.#paths.delete(oldest);
  }

  /**
   * Whether the task is neither in this cgroup nor below it; undefined where that is unknown.
   *
   * @param limitPath a path in the hierarchy of the memory controller, from its root
   */
  isOutside({ memoryCgroupId, defaultCgroupId }: OomTask, limitPath: string): boolean | undefined {
    const path = this.#paths.get(this.#version === 1 ? memoryCgroupId : defaultCgroupId);
    if (path === undefined || path.isCut) return undefined;
    return !isBelow(path.fullPath, limitPath);
  }
}
