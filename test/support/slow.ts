/** A filesystem with operations of known duration, for the lower layer of an overlay or as a slow disk. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';

/** @param delaysUs the durations of reads at the first byte, the second and so on, repeating; the first is the others' */
export async function mountSlow(delaysUs: readonly number[]): Promise<AsyncDisposable & { path: string }> {
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).trim().split(/\s+/);
  const path = mkdtempSync(join(tmpdir(), 'floatie-slow-'));
  const server = spawn(fixture('slowfs', ...flags), [delaysUs.join(), path, '-f'], { stdio: 'inherit' });
  const exited = once(server, 'exit');
  await eventually('the slow filesystem is mounted', () => existsSync(join(path, 'slow')));
  return {
    path,
    async [Symbol.asyncDispose]() {
      execFileSync('umount', [path]);
      await exited;
      rmdirSync(path);
    },
  };
}
