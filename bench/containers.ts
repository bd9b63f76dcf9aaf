/** Cgroups as a container runtime makes them, in the hierarchy that Floatie looks at. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy } from '../src/containers/hierarchy.ts';
import { compileProgram } from './compile.ts';
import { Missing } from './missing.ts';
import { run } from './program.ts';

/** Reads, and as many writes, in each. */
const CALLS = 50;

export class Containers implements Disposable {
  readonly #parent: string;
  readonly #cgroups: string[] = [];

  /** Throws {@link Missing} where no cgroup can be made. */
  static create(count: number): Containers {
    const { mount } = findHierarchy();
    if (mount === null) throw new Missing('the hierarchy of memory cgroups is not mounted');
    const containers = new Containers(join(mount, `floatie-bench-${process.pid}`));
    try {
      containers.#make(count);
    } catch (cause) {
      containers[Symbol.dispose]();
      throw new Missing(`making cgroups in ${mount} is not allowed`, { cause });
    }
    return containers;
  }

  private constructor(parent: string) {
    this.#parent = parent;
  }

  /** Reads and writes the file in every one of them. */
  async work(file: string): Promise<void> {
    await run(await compileProgram('visit'), file, `${CALLS}`, ...this.#cgroups);
  }

  #make(count: number): void {
    mkdirSync(this.#parent);
    this.#cgroups.push(this.#parent);
    for (let made = 0; made < count; made++) {
      const path = join(this.#parent, randomBytes(32).toString('hex'));
      mkdirSync(path);
      this.#cgroups.push(path);
    }
  }

  [Symbol.dispose](): void {
    for (const path of this.#cgroups.splice(0).reverse()) rmdirSync(path);
  }
}
