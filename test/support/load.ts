/** Containers that do what Floatie measures, for as long as they are not disposed of. */

import { mountOverlay } from './overlay.ts';
import { BASE, podman, startContainer } from './podman.ts';
import { missing } from './requirements.ts';
import { mountSlow } from './slow.ts';

/** Reads and writes of its own root, some of which fail or move nothing. */
const SHOP = `
  dd if=/dev/urandom of=/f bs=64k count=64 status=none
  while :; do
    dd if=/f of=/dev/null bs=4k status=none
    dd if=/dev/zero of=/g bs=4k count=500 conv=fsync status=none
    echo fails >&3
    sleep 0.1
  done 3</f 2>/dev/null`;

/** More file pages than its limit leaves room for, read again and again by four tasks: they wait for memory. */
const SEARCH = `
  dd if=/dev/zero of=/f bs=1M count=128 status=none
  for task in 1 2 3 4; do (while :; do cat /f /f >/dev/null; done) & done
  wait`;

/** Takes more memory than it may, and is killed for it. */
const REPORT = 'while :; do tail /dev/zero; sleep 4; done';

/** Four tasks read a file that is far away. */
const ARCHIVE = `
  for task in 1 2 3 4; do (while :; do dd if=/data/slow of=/dev/null bs=4k count=100 status=none; done) & done
  wait`;

export interface Load extends AsyncDisposable {
  /** The ids of the containers, by name. */
  readonly containers: Readonly<Record<'shop' | 'search' | 'report' | 'archive', string>>;
}

/** @param delaysUs how long reads of the archive take, in turn */
export async function startLoad(delaysUs: readonly number[]): Promise<Load> {
  const lacking = missing('fuse');
  if (lacking !== false) throw new Error(lacking);
  await using stack = new AsyncDisposableStack();
  const slow = stack.use(await mountSlow(delaysUs));
  const data = stack.use(mountOverlay(slow.path));
  const start = (name: string, script: string, ...args: string[]): string => {
    podman('rm', '--force', '--ignore', '--time', '0', name);
    return stack.use(startContainer('--name', name, '--network=none', ...args, BASE, 'sh', '-c', script)).id;
  };
  const containers = {
    shop: start('shop', SHOP),
    search: start('search', SEARCH, '-m', '40m'),
    report: start('report', REPORT, '-m', '64m'),
    archive: start('archive', ARCHIVE, '-v', `${data.path}:/data`),
  };
  const owned = stack.move();
  return { containers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
