/** Cgroups as a container runtime makes them, in the hierarchy that Floatie looks at. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy, findV1Mount } from '../src/containers/hierarchy.ts';
import { compileProgram } from './compile.ts';
import { Missing } from './missing.ts';
import { run } from './program.ts';

/** Reads, and as many writes, in each. */
const CALLS = 50;
/** How many of them one process visits: arguments have room for some 10,000 paths. */
const VISITED = 2000;

export class Containers implements Disposable {
  readonly #cgroups: string[] = [];
  /** Those in v1's hierarchy of CPU accounting, which runtimes make, too. */
  readonly #accounts: string[] = [];
  readonly #made: string[] = [];

  /** Throws {@link Missing} where no cgroup can be made. */
  static create(count: number): Containers {
    const { mount, version } = findHierarchy();
    if (mount === null) throw new Missing('the hierarchy of memory cgroups is not mounted');
    const others = (version === 1 ? (['cpuacct', 'cpu'] as const) : [])
      .map((controller) => findV1Mount(controller))
      .filter((other) => other !== null);
    const containers = new Containers();
    try {
      // Often two controllers are in one hierarchy.
      containers.#make(count, [...new Set([mount, ...others])]);
    } catch (cause) {
      containers[Symbol.dispose]();
      throw new Missing(`making cgroups in ${mount} is not allowed`, { cause });
    }
    return containers;
  }

  private constructor() {}

  /** Reads and writes the file in every one of them. */
  async work(file: string): Promise<void> {
    const both = this.#cgroups.map((path, at) => [this.#accounts[at] ?? [], path].flat());
    for (let at = 0; at < both.length; at += VISITED)
      await run(await compileProgram('visit'), file, `${CALLS}`, ...both.slice(at, at + VISITED).flat());
  }

  #make(count: number, mounts: readonly string[]): void {
    const parent = `floatie-bench-${process.pid}`;
    const names = Array.from({ length: count }, () => join(parent, randomBytes(32).toString('hex')));
    for (const [index, mount] of mounts.entries()) {
      for (const name of [parent, ...names]) {
        const path = join(mount, name);
        mkdirSync(path);
        this.#made.push(path);
        if (index === 0) this.#cgroups.push(path);
        if (index === 1) this.#accounts.push(path);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const path of this.#made.splice(0).reverse()) rmdirSync(path);
  }
}
