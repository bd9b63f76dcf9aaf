/** Memory pressure on the kernel that is running. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { parsePressure, pressureScore } from '../../src/kernel/psi.ts';
import { createCgroup } from '../support/cgroup.ts';
import { createContainer } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import type { Metrics } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { startThrashing } from '../support/thrash.ts';

const SCORE = 'floatie_memory_pressure_score';
const WRITES = 'floatie_overlayfs_write_latency_us_count';

suite('memory pressure', { skip: missing('root', 'btf', 'pressure') }, () => {
  test('under a memory hog the scores rise, and agree with the kernel’s files at that moment', async () => {
    await using thrashing = startThrashing();
    const { container } = thrashing;
    await using floatie = await startFloatie();
    const metrics = await eventually(
      'the scores of the container and the host have risen',
      async () => {
        const now = await floatie.scrape();
        const scores = [{ container_id: container.id }, { scope: 'host' }].map((labels) => now.sum(SCORE, labels));
        return scores.every((score) => score > 1) && now;
      },
      30_000,
    );
    await agreesWith(floatie.scrape, '/proc/pressure/memory', { scope: 'host' });
    await agreesWith(floatie.scrape, join(container.path, 'memory.pressure'), { container_id: container.id });
    const waiting = metrics.sum('floatie_memory_pressure_waiting_seconds_total', { container_id: container.id });
    const stalled = metrics.sum('floatie_memory_pressure_stalled_seconds_total', { container_id: container.id });
    assert.ok(waiting > 0 && stalled <= waiting, `${stalled} of ${waiting} s`);
  });

  test('the PID-namespace filter does not touch the host’s score', async () => {
    await using floatie = await startFloatie(['--pid-ns-inum=1']);
    assert.equal((await floatie.scrape()).select(SCORE, { scope: 'host' }).length, 1);
  });

  test('10 containers that come and go leave no series behind, and no memory', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie(['--set', 'receivers.overlayfs.expire_ms=1000']);
    const isV1 = findHierarchy().version === 1;
    const round = async (): Promise<void> => {
      await using stack = new AsyncDisposableStack();
      const containers = Array.from({ length: 10 }, () => stack.use(createContainer()));
      // Where the memory controller is in the other hierarchy, each has a cgroup there as well.
      const others = isV1 ? containers.map(({ name }) => stack.use(createCgroup('container', name.slice(1)))) : [];
      for (const [index, { path }] of containers.entries()) {
        const script = `echo $$ >${join(others[index]?.path ?? path, 'cgroup.procs')} && exec "$@"`;
        const dd = ['dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=10'];
        execFileSync('sh', ['-c', script, 'sh', ...dd], { stdio: 'ignore' });
      }
      const present = (name: string, metrics: Metrics): number =>
        containers.filter(({ id }) => metrics.select(name, { container_id: id }).length > 0).length;
      await eventually(
        'all have their series',
        async () => {
          const metrics = await floatie.scrape();
          return present(SCORE, metrics) === 10 && present(WRITES, metrics) === 10;
        },
        20_000,
      );
      await stack.disposeAsync();
      await eventually(
        'their series have ended',
        async () => {
          const metrics = await floatie.scrape();
          return present(SCORE, metrics) === 0 && present(WRITES, metrics) === 0;
        },
        20_000,
      );
    };
    // Memory grows until V8 has compiled what is used often.
    await round();
    for (let i = 0; i < 1000; i++) await floatie.scrape();
    const before = (await floatie.scrape()).sum('process_resident_memory_bytes');
    for (let i = 0; i < 3; i++) await round();
    const after = (await floatie.scrape()).sum('process_resident_memory_bytes');
    assert.ok(after - before < 16 << 20, `grew from ${before} to ${after}`);
  });
});

/** The score lies between what the file says before and after the scrape. */
async function agreesWith(scrape: () => Promise<Metrics>, file: string, labels: Record<string, string>): Promise<void> {
  const expected = (): number => {
    const pressure = parsePressure(readFileSync(file, 'utf8'));
    assert.ok(pressure);
    return pressureScore(pressure, 'avg10');
  };
  const before = expected();
  const shown = (await scrape()).sum(SCORE, labels);
  const after = expected();
  const [low, high] = [Math.min(before, after) - 0.01, Math.max(before, after) + 0.01];
  assert.ok(shown >= low && shown <= high, `${shown} is not between ${low} and ${high}`);
}
