/** Containers under load, until they are disposed of. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountOverlay } from './overlay.ts';
import { BASE, podman, startContainer } from './podman.ts';
import { missing } from './requirements.ts';
import { mountSlow } from './slow.ts';

/**
 * Reads, writes and copies in its root, and opens a file of the image for writing; fills a disk in memory, where syncs are
 * never slow: on the machine's own disk nothing is synced but the program, before the loop. Some operations fail or move
 * no byte. The program is not in the page cache when it starts, which is a major fault.
 */
const SHOP = `
  dd if=/dev/urandom of=/f bs=64k count=64 status=none
  cp /bin/true /own
  dd if=/dev/null of=/own conv=notrunc,fdatasync count=0 status=none
  find /usr -type f -size +8k | while :; do
    dd if=/f of=/dev/null bs=4k status=none
    dd if=/dev/zero of=/g bs=4k count=500 status=none
    cp /g /h
    ls /etc >/dev/null
    dd if=/dev/zero of=/full/synced bs=4k count=1 conv=notrunc,fsync status=none
    dd if=/dev/zero of=/full/file bs=64k count=32 status=none
    dd if=/dev/null of=/own oflag=nocache conv=notrunc count=0 status=none
    /own
    echo fails >&3
    read -r file && : >>"$file"
    sleep 0.1
  done 3</f 2>/dev/null`;

/** Four tasks reread more file pages than the memory limit allows, so they wait for memory. */
const SEARCH = `
  dd if=/dev/zero of=/f bs=1M count=128 status=none
  for task in 1 2 3 4; do (while :; do cat /f /f >/dev/null; done) & done
  wait`;

/** Exceeds its memory limit and is killed. */
const REPORT = 'while :; do tail /dev/zero; sleep 4; done';

/** Four tasks read a file on a slow filesystem. */
const ARCHIVE = `
  for task in 1 2 3 4; do (while :; do dd if=/data/slow of=/dev/null bs=4k count=100 status=none; done) & done
  wait`;

export interface Load extends AsyncDisposable {
  /** The ids of the containers, by name. */
  readonly containers: Readonly<Record<'shop' | 'search' | 'report' | 'archive', string>>;
}

/** @param delaysUs the durations of the archive's reads, in turn */
export async function startLoad(delaysUs: readonly number[]): Promise<Load> {
  const lacking = missing('fuse');
  if (lacking !== false) throw new Error(lacking);
  await using stack = new AsyncDisposableStack();
  const slow = stack.use(await mountSlow(delaysUs));
  const data = stack.use(mountOverlay(slow.path));
  const full = stack.use(mountOverlay(undefined, stack.use(mountTiny()).path));
  const start = (name: string, script: string, ...args: string[]): string => {
    podman('rm', '--force', '--ignore', '--time', '0', name);
    return stack.use(startContainer('--name', name, '--network=none', ...args, BASE, 'sh', '-c', script)).id;
  };
  const containers = {
    shop: start('shop', SHOP, '-v', `${full.path}:/full`),
    search: start('search', SEARCH, '-m', '40m'),
    report: start('report', REPORT, '-m', '64m'),
    archive: start('archive', ARCHIVE, '-v', `${data.path}:/data`),
  };
  const owned = stack.move();
  return { containers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A filesystem of 1 MB. */
function mountTiny(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'floatie-tiny-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
  return {
    path,
    [Symbol.dispose]() {
      execFileSync('umount', [path]);
      rmdirSync(path);
    },
  };
}
