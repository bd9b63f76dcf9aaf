/** A slow disk with a journal. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountSlow } from './slow.ts';

export interface JournaledDisk extends AsyncDisposable {
  readonly path: string;
  /** Of the block device, such as `7:0`. */
  readonly device: string;
  /** Makes reads of a file on it come from the disk. */
  forget(file: string): void;
}

/**
 * @param flushUs the duration of a flush
 * @param transferUs the duration of a read or write of up to 128 KiB
 */
export async function mountJournaledDisk(flushUs: number, transferUs?: number): Promise<JournaledDisk> {
  await using stack = new AsyncDisposableStack();
  const slow = stack.use(await mountSlow(transferUs === undefined ? [flushUs] : [flushUs, transferUs]));
  const disk = join(slow.path, 'disk');
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  // As little as possible is written.
  const small = ['-b', '4096', '-N', '64', '-m', '0', '-J', 'size=4', '-E', 'lazy_journal_init=1'];
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', ...small, disk], { env });
  const path = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-journal-')), (path) =>
    rmSync(path, { recursive: true }),
  );
  execFileSync('mount', ['-o', 'loop,noinit_itable', disk, path]);
  stack.defer(() => void execFileSync('umount', [path]));
  const owned = stack.move();
  return {
    path,
    // The minor number of a loop device is below 256.
    device: ((dev) => `${dev >> 8}:${dev & 0xff}`)(statSync(path).dev),
    forget(file) {
      execFileSync('sync', ['-f', path]);
      // The file's pages, and those that the loop device reads it from.
      for (const each of [file, disk]) execFileSync('dd', [`if=${each}`, 'iflag=nocache', 'count=0', 'status=none']);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
