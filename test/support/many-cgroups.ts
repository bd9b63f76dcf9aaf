/** Thousands of empty cgroups in one folder of the v2 hierarchy, named as podman names those of containers. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findV2Mount } from '../../src/containers/hierarchy.ts';

/** Removed when it is disposed of. */
export function createManyCgroups(count: number): Disposable {
  const folder = join(findV2Mount() ?? '', `floatie-many-${process.pid}`);
  mkdirSync(folder);
  try {
    for (let made = 0; made < count; made++) mkdirSync(join(folder, `libpod-${randomBytes(32).toString('hex')}`));
  } catch (error) {
    removeAll(folder);
    throw error;
  }
  return { [Symbol.dispose]: () => removeAll(folder) };
}

function removeAll(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) rmdirSync(join(folder, entry.name));
  }
  rmdirSync(folder);
}
