/** A filesystem on a full disk: writes get into the page cache, and their sync fails. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The reason why a full disk is not possible here, or null. */
export const lacksFullDisk = existsSync('/dev/loop-control') ? null : 'this machine lacks loop devices';

export interface FullDisk extends Disposable {
  readonly path: string;
  /** Fills the disk, once all files exist. */
  fill(): void;
}

/** The disk is a sparse file on a tmpfs that is too small for its holes. */
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
