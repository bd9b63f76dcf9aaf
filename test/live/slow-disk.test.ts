/** An fsync on a disk that is slow, and has a journal. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { METHODS } from '../../src/receivers/overlayfs/probes.ts';
import { lacksFullDisk } from '../support/full-disk.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';
import { compareSlow, prepareSlow, SLOW_US } from '../support/slow-operations.ts';

suite('a slow disk', { skip: lacksFullDisk ?? missing('root', 'btf', 'fuse') }, () => {
  for (const method of METHODS) {
    test(`by ${method} an fsync of 20 ms on a disk with a journal lands where it belongs`, async (context) => {
      await using slow = await mountSlow([SLOW_US]);
      using stack = new DisposableStack();
      const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
      execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-J', 'size=4', join(slow.path, 'disk')], { env });
      const disk = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-journal-')), (path) =>
        rmSync(path, { recursive: true }),
      );
      execFileSync('mount', ['-o', 'loop', join(slow.path, 'disk'), disk]);
      stack.defer(() => execFileSync('umount', [disk]));
      const overlay = stack.use(mountOverlay(undefined, disk));
      prepareSlow(overlay.path, 'dirty_fsync');
      const problem = await compareSlow(method, overlay.path, { dirty_fsync: 'sync' });
      if (problem !== null) context.skip(problem);
    });
  }
});
