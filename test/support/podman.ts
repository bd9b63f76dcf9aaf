/** Real containers, by podman and runc. */
import { execFileSync, type SpawnSyncReturns, type StdioOptions, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountsOf } from './mounts.ts';
import { peer } from './peers.ts';

/** A plain Debian. */
export const BASE = 'localhost/floatie-base';

/** How long conmon may stay in its cgroup after its container has ended, in ms. */
const LEAVE_MS = 3000;
let cleansUp = false;

/** The environment in which podman and buildah find the images, containers and settings of the tests. */
export function podmanEnv(): NodeJS.ProcessEnv {
  if (!cleansUp) process.once('exit', removeParents);
  cleansUp = true;
  const exports = readFileSync(peer('containers'), 'utf8').matchAll(/^export (\w+)='(.*)'$/gm);
  return { ...process.env, ...Object.fromEntries([...exports].map(([, name = '', value = '']) => [name, value])) };
}

export function podman(...args: string[]): string {
  return podmanIn(process.cwd(), ...args);
}

function podmanIn(cwd: string, ...args: string[]): string {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  return execFileSync('podman', args, { cwd, env: podmanEnv(), encoding: 'utf8', stdio }).trim();
}

/** Runs podman without throwing on failure. */
export function runPodman(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync('podman', args, { env: podmanEnv(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** `podman run --detach`; the container is removed when it is disposed of. */
export function startContainer(...args: string[]): Disposable & { readonly id: string } {
  // conmon leaves a file there when the container runs out of memory.
  const folder = mkdtempSync(join(tmpdir(), 'floatie-podman-'));
  const remove = (): void => rmSync(folder, { recursive: true });
  let id: string;
  try {
    id = podmanIn(folder, 'run', '--detach', '--ulimit', 'host', '--no-healthcheck', ...args);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    id,
    [Symbol.dispose]() {
      podman('rm', '--force', '--ignore', '--time', '0', id);
      remove();
    },
  };
}

/** podman makes a parent cgroup for its containers in each hierarchy, and never removes it. */
function removeParents(): void {
  const deadline = performance.now() + LEAVE_MS;
  const hierarchies = mountsOf().filter(({ type }) => type.startsWith('cgroup'));
  for (const { target } of hierarchies) {
    const parent = join(target, 'libpod_parent');
    // Children come first.
    for (const path of [parent, ...globSync(`${parent}/**/`)].sort().reverse()) {
      while (!isRemoved(path) && performance.now() < deadline) sleepSync(100);
    }
  }
}

function isRemoved(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
