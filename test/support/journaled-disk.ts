/** A slow disk with a journal: each flush of it takes time. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountSlow } from './slow.ts';

/** @param flushUs the duration of a flush */
export async function mountJournaledDisk(flushUs: number): Promise<AsyncDisposable & { path: string }> {
  await using stack = new AsyncDisposableStack();
  const slow = stack.use(await mountSlow([flushUs]));
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-J', 'size=4', join(slow.path, 'disk')], { env });
  const path = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-journal-')), (path) =>
    rmSync(path, { recursive: true }),
  );
  execFileSync('mount', ['-o', 'loop', join(slow.path, 'disk'), path]);
  stack.defer(() => void execFileSync('umount', [path]));
  const owned = stack.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
