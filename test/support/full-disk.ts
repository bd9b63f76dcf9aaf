/** A filesystem on a disk that takes no more: each write gets into the page cache, and its sync fails. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why there can be none here, or null. */
export const lacksFullDisk = existsSync('/dev/loop-control') ? null : 'this machine lacks loop devices';

export interface FullDisk extends Disposable {
  readonly path: string;
  /** To be called when all is there that must be. */
  fill(): void;
}

/** The disk is a file with holes, in memory that ends where the first of them is to be filled. */
export function mountFullDisk(): FullDisk {
  using stack = new DisposableStack();
  const memory = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-disk-')), (path) => rmSync(path, { recursive: true }));
  mount(stack, memory, '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs');
  const disk = join(memory, 'disk');
  execFileSync('truncate', ['-s', '16M', disk]);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  execFileSync('mke2fs', ['-F', disk], { stdio: 'ignore', env });
  const path = join(memory, 'mounted');
  mkdirSync(path);
  mount(stack, path, '-t', 'ext2', '-o', 'loop,sync', disk);
  const owned = stack.move();
  return {
    path,
    fill() {
      execFileSync('sync', ['-f', path]);
      try {
        writeFileSync(join(memory, 'filler'), Buffer.alloc(4 << 20));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function mount(stack: DisposableStack, path: string, ...args: string[]): void {
  execFileSync('mount', [...args, path]);
  stack.defer(() => execFileSync('umount', [path]));
}
