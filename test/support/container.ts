/** A cgroup in the v2 hierarchy, named as podman names a container's, removed when it is disposed of. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findV2Mount } from '../../src/containers/hierarchy.ts';
import { eventually } from './eventually.ts';

export interface Container extends AsyncDisposable {
  readonly id: string;
  /** Below the hierarchy's root. */
  readonly name: string;
  readonly path: string;
}

export function createContainer(): Container {
  const id = randomBytes(32).toString('hex');
  const name = `/libpod-${id}`;
  const path = join(findV2Mount() ?? '', name);
  mkdirSync(path);
  return {
    id,
    name,
    path,
    async [Symbol.asyncDispose]() {
      await eventually('the container is empty', () => readFileSync(join(path, 'cgroup.procs'), 'utf8') === '');
      rmdirSync(path);
    },
  };
}
