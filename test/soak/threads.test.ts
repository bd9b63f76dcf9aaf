/** The threads of a container cost Floatie memory; they must not cost it its life. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { killsOf, limit } from '../support/oom.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { startThreads } from '../support/threads.ts';

/** Fewer than a machine can have by default (kernel.pid_max). */
const THREADS = 30_000;

suite('a Floatie that may take 128 MB', { skip: missing('root', 'btf') }, () => {
  test('follows 30,000 threads of another cgroup', async () => {
    using overlay = mountOverlay();
    const file = join(overlay.path, 'file');
    execFileSync('truncate', ['-s', '1', file]);
    await using own = createCgroup('limited');
    await using other = createCgroup('threads');
    limit(own, 128);
    await using floatie = await startFloatie([], { command: own.wrap(process.execPath, MAIN).flat() });
    await using _ = await startThreads(other, file, THREADS);
    const metrics = await floatie.scrape();
    assert.equal(metrics.sum('floatie_overlayfs_read_latency_us_count', { cgroup: other.name }), THREADS);
    assert.equal(metrics.sum('floatie_probe_misses_total', { reason: 'starts_full' }), 0);
    assert.equal(killsOf(own), 0);
  });
});
