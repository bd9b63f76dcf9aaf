/** Operations that are slow for a known cause: it has the largest part of their time, and all parts are the whole. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { CAUSES, type Cause } from '../../src/receivers/overlayfs/causes.ts';
import type { OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import type { Op } from '../../src/receivers/overlayfs/operations.ts';
import type { AttachState } from '../../src/receivers/overlayfs/receiver.ts';
import { createCgroup } from '../support/cgroup.ts';
import { lacksFullDisk } from '../support/full-disk.ts';
import { mountJournaledDisk } from '../support/journaled-disk.ts';
import { mountOverlay } from '../support/overlay.ts';
import { OPTIONS, operationsOf, started, sumByCause } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';
import { mountTracefs } from '../support/tracefs.ts';

const SLOW_US = 20_000;

/** Runs a script in a cgroup, where $1 is the folder. @returns the totals of an operation, and the causes that are told apart */
async function run(folder: string, op: Op, script: string) {
  using _tracefs = mountTracefs();
  await using cgroup = createCgroup('causes');
  let state: AttachState | undefined;
  using receiver = await started({
    ...OPTIONS,
    sleeps: true,
    onChange(now) {
      state = now;
    },
  });
  cgroup.run('sh', '-ec', script, 'sh', folder);
  return { totals: operationsOf(receiver.it, cgroup)[op], told: state?.causes ?? [] };
}

function assertMostly(
  cause: Cause,
  least: number,
  totals: OperationTotals,
  told: readonly Cause[],
  context: TestContext,
): void {
  const shares = CAUSES.map((each) => [each, totals[`${each}Ns`] / totals.sumNs] as const);
  context.diagnostic(
    shares.flatMap(([each, share]) => (share > 0 ? `${each} ${(100 * share).toFixed(1)} %` : [])).join(', '),
  );
  assert.equal(sumByCause(totals), totals.sumNs);
  if (!told.includes(cause)) {
    context.skip(`this kernel does not tell ${cause}`);
    return;
  }
  // A busy machine makes everybody wait for a CPU.
  const all = totals.sumNs - (cause === 'runqueue' ? 0 : totals.runqueueNs);
  const share = totals[`${cause}Ns`] / all;
  assert.ok(share >= least, `${cause} is ${share} of it`);
}

suite('what operations wait for', { skip: lacksFullDisk ?? missing('root', 'btf', 'fuse') }, () => {
  test('is the journal while what was appended is synced', async (context) => {
    await using disk = await mountJournaledDisk(SLOW_US);
    using overlay = mountOverlay(undefined, disk.path);
    const { totals, told } = await run(
      overlay.path,
      'sync',
      'for i in 1 2 3; do dd if=/dev/zero of="$1/f" bs=4k count=1 oflag=append conv=notrunc,fsync status=none; done',
    );
    assertMostly('commit', 0.5, totals, told, context);
  });

  test('is the lock of a file that several write at once', async (context) => {
    await using disk = await mountJournaledDisk(SLOW_US);
    using overlay = mountOverlay(undefined, disk.path);
    const { totals, told } = await run(
      overlay.path,
      'write',
      'truncate -s 1M "$1/f"; for i in 1 2 3 4 5; do dd if=/dev/zero of="$1/f" bs=4k count=3 oflag=dsync conv=notrunc status=none & done; wait',
    );
    assertMostly('lock', 0.5, totals, told, context);
  });

  test('is the device while a file is read past the page cache', async (context) => {
    await using disk = await mountJournaledDisk(0);
    using overlay = mountOverlay(undefined, disk.path);
    execFileSync('dd', [
      'if=/dev/zero',
      `of=${join(overlay.path, 'f')}`,
      'bs=1M',
      'count=4',
      'conv=fsync',
      'status=none',
    ]);
    const { totals, told } = await run(
      overlay.path,
      'read',
      'dd if="$1/f" of=/dev/null bs=64k iflag=direct status=none',
    );
    assertMostly('device', 0.5, totals, told, context);
  });

  test('is the server of a filesystem whose answers take long', async (context) => {
    await using slow = await mountSlow([SLOW_US]);
    using overlay = mountOverlay(slow.path);
    const { totals, told } = await run(overlay.path, 'read', 'dd if="$1/slow" of=/dev/null bs=4k count=5 status=none');
    assertMostly('remote', 0.8, totals, told, context);
  });

  test('is the run queue where too many share a CPU', async (context) => {
    using overlay = mountOverlay();
    execFileSync('truncate', ['-s', '64M', join(overlay.path, 'f')]);
    const { totals, told } = await run(
      overlay.path,
      'read',
      'for i in 1 2 3 4; do taskset -c 0 dd if="$1/f" of=/dev/null bs=32M count=20 iflag=fullblock status=none & done; wait',
    );
    assertMostly('runqueue', 0.4, totals, told, context);
  });
});
