/** The overlay module is loaded when Floatie runs already. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Readiness } from '../../src/program/health.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';

suite('a late overlay module', { skip: missing('guest', 'root', 'btf') }, () => {
  test('is attached to soon after it is loaded, and counts exactly from then on', async (context) => {
    execFileSync('rmmod', ['overlay']);
    try {
      await using floatie = await startFloatie();
      const before = await overlayfsOf(floatie);
      assert.equal(before.attached, false);
      assert.match(before.reason ?? '', /not registered in the kernel yet/);
      // A while in which it must not take what works without the module.
      await sleep(5000);
      assert.equal((await overlayfsOf(floatie)).attached, false);
      execFileSync('modprobe', ['overlay']);
      const loaded = performance.now();
      const { method } = await eventually(
        'the overlayfs probe is attached',
        async () => {
          const state = await overlayfsOf(floatie);
          return state.attached && state;
        },
        35_000,
      );
      context.diagnostic(`found: ${method}, after ${((performance.now() - loaded) / 1000).toFixed(0)} s`);
      using overlay = mountOverlay();
      await using cgroup = createCgroup('late');
      const file = join(overlay.path, 'file');
      cgroup.run('dd', 'if=/dev/zero', `of=${file}`, 'bs=1', 'count=123', 'conv=fsync');
      cgroup.run('rm', file);
      const page = await floatie.scrape();
      const count = (histogram: string, attributes = {}): number =>
        page.sum(`floatie_overlayfs_${histogram}_latency_us_count`, { cgroup: cgroup.name, ...attributes });
      assert.deepEqual(
        [count('write'), count('sync'), count('metadata', { op: 'create' }), count('metadata', { op: 'remove' })],
        [123, 1, 1, 1],
      );
    } finally {
      execFileSync('modprobe', ['overlay']);
    }
  });
});

async function overlayfsOf(floatie: Floatie): Promise<Readiness['probes'][number]> {
  const response = await fetch(new URL('/readyz', floatie.url), { signal: AbortSignal.timeout(30_000) });
  const { probes } = (await response.json()) as Readiness;
  const probe = probes.find(({ probe }) => probe === 'overlayfs');
  assert.ok(probe, JSON.stringify(probes));
  return probe;
}
