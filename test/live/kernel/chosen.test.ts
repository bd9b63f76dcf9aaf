/** What `receivers.overlayfs.operations` leaves out is not attached, whatever the method. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { METHODS, type Method } from '../../../src/receivers/overlayfs/probes.ts';
import { createCgroup } from '../../support/cgroup.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { attempted, count, OPTIONS, operationsOf } from '../../support/overlayfs-receiver.ts';
import { missing } from '../../support/requirements.ts';
import { mountTracefs } from '../../support/tracefs.ts';

const SCRIPT = 'dd if=/dev/zero of="$1" bs=4k count=10 conv=fsync 2>/dev/null && chmod 600 "$1"';

suite('the choice of operations', { skip: missing('root', 'btf') }, () => {
  // In one test, so that a guest tries them all in little time.
  test('leaves nothing of what is left out, and all of the rest', async (context) => {
    using _tracefs = mountTracefs();
    using overlay = mountOverlay();
    const tried: Method[] = [];
    for (const attach of METHODS) {
      const receiver = await attempted({
        ...OPTIONS,
        attach,
        operations: ['write', 'sync'],
        tryBy: async () => null,
      });
      if (receiver instanceof Error) continue;
      using attached = receiver;
      await using cgroup = createCgroup('chosen');
      cgroup.run('sh', '-c', SCRIPT, 'sh', join(overlay.path, attach));
      const totals = Object.entries(operationsOf(attached.it, cgroup)).map(([op, totals]) => [op, count(totals)]);
      const done = Object.fromEntries(totals.filter(([, times]) => times !== 0));
      assert.deepEqual(done, { write: 10, sync: 1 }, attach);
      tried.push(attach);
    }
    assert.ok(tried.length > 0);
    context.diagnostic(`found: ${tried.join(', ')}`);
  });
});
