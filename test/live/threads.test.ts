/** The kernel charges to Floatie what it keeps of the threads of others. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { startThreads } from '../support/threads.ts';

const THREADS = 4000;

suite('what the kernel keeps of threads', { skip: missing('root', 'btf') }, () => {
  test('is less than 1.25 kB of each that lives, and nothing of those that have ended', async () => {
    using overlay = mountOverlay();
    const file = join(overlay.path, 'file');
    execFileSync('truncate', ['-s', '1', file]);
    await using own = createCgroup('charged');
    await using other = createCgroup('threads');
    await using floatie = await startFloatie([], { command: own.wrap(process.execPath, MAIN).flat() });
    await floatie.scrape();
    const before = kernelBytes(own);
    const perThread = (): number => (kernelBytes(own) - before) / THREADS;
    {
      await using _ = await startThreads(other, file, THREADS);
      const metrics = await floatie.scrape();
      assert.equal(metrics.sum('floatie_overlayfs_read_latency_us_count', { cgroup: other.name }), THREADS);
      assert.ok(perThread() < 1280, `${perThread()} bytes`);
      // Before Linux 5.11 there are records of operations only, and no sample.
      const [tracked] = metrics.select('floatie_threads_tracked');
      assert.ok(tracked === undefined || tracked.value >= THREADS, `${tracked?.value} threads are tracked`);
    }
    await eventually('the kernel has nothing left of them', () => perThread() < 100);
    assert.ok((await floatie.scrape()).sum('floatie_threads_tracked') < THREADS);
  });
});

/** What the kernel keeps for the cgroup's processes. */
function kernelBytes({ path }: Cgroup): number {
  const v1 = join(path, 'memory.kmem.usage_in_bytes');
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8'));
  return Number(/^kernel (\d+)$/m.exec(readFileSync(join(path, 'memory.stat'), 'utf8'))?.[1]);
}
