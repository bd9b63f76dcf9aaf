/** How long the tasks of a container wait for memory: Floatie's counts beside bpftrace, which sees every reclaim. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { startBpftrace } from '../support/bpftrace.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { limit } from '../support/oom.ts';
import { missing } from '../support/requirements.ts';

const LATENCY = 'floatie_memory_reclaim_latency_us';
/** Of all reclaims by dd: how many, and their time in ns. */
const OBSERVER = `
BEGIN { printf("ready\\n"); }
tracepoint:vmscan:mm_vmscan_memcg_reclaim_begin,
tracepoint:vmscan:mm_vmscan_direct_reclaim_begin /comm == "dd"/ { @start[tid] = nsecs; }
tracepoint:vmscan:mm_vmscan_memcg_reclaim_end,
tracepoint:vmscan:mm_vmscan_direct_reclaim_end /comm == "dd" && @start[tid]/ {
  @reclaims = count();
  @ns = sum(nsecs - @start[tid]);
  delete(@start[tid]);
}`;

suite('a container at its memory limit', { skip: missing('root', 'btf', 'bpftrace') }, () => {
  test('has each reclaim of its tasks in a histogram, and how long it took', async () => {
    await using cgroup = createCgroup('reclaim');
    // What others on this machine began before Floatie is none of this test's.
    await using floatie = await startFloatie(['--set', `kernel.cgroup=${cgroup.name}`]);
    await eventually('reclaims are measured', async () => {
      const metrics = await floatie.scrape();
      return metrics.sum('floatie_probe_attached', { probe: 'reclaim' }) === 1;
    });
    limit(cgroup, 32);
    const folder = mkdtempSync('/var/tmp/floatie-reclaim-');
    try {
      await using observer = await startBpftrace('-e', OBSERVER);
      cgroup.run('dd', 'if=/dev/zero', `of=${join(folder, 'file')}`, 'bs=1M', 'count=128');
      const { '@reclaims': reclaims = 0, '@ns': ns = 0 } = await observer.end();
      const metrics = await floatie.scrape();
      const mine = (suffix: string): number => metrics.sum(`${LATENCY}_${suffix}`, { cgroup: cgroup.name });
      assert.ok(Number(reclaims) > 0, 'dd had to reclaim memory');
      assert.equal(mine('count'), reclaims);
      const ratio = (1000 * mine('sum')) / Number(ns);
      assert.ok(ratio > 0.9 && ratio < 1.1, `${mine('sum')} µs, of which bpftrace saw ${ns} ns`);
      assert.deepEqual(
        metrics.select('floatie_probe_misses_total', { probe: 'reclaim' }).map(({ value }) => value),
        [0, 0],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
