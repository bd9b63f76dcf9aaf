/** Real containers, by podman and runc. */
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { peer } from './peers.ts';

/** A plain Debian. */
export const BASE = 'localhost/floatie-base';

/** The environment in which podman and buildah find the images, containers and settings of the tests. */
export function podmanEnv(): NodeJS.ProcessEnv {
  const exports = readFileSync(peer('containers'), 'utf8').matchAll(/^export (\w+)='(.*)'$/gm);
  return { ...process.env, ...Object.fromEntries([...exports].map(([, name = '', value = '']) => [name, value])) };
}

export function podman(...args: string[]): string {
  return execFileSync('podman', args, { env: podmanEnv(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** Where it may fail. */
export function runPodman(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync('podman', args, { env: podmanEnv(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** `podman run --detach`; removed when it is disposed of, at the latest. */
export function startContainer(...args: string[]): Disposable & { readonly id: string } {
  const id = podman('run', '--detach', '--ulimit', 'host', '--no-healthcheck', ...args);
  return {
    id,
    [Symbol.dispose]() {
      podman('rm', '--force', '--ignore', '--time', '0', id);
    },
  };
}
