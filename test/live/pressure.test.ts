/** Memory pressure on the kernel that is running. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findHierarchy, findV2Mount } from '../../src/containers/hierarchy.ts';
import { parsePressure, pressureScore } from '../../src/receivers/pressure.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import type { Metrics } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const SCORE = 'floatie_memory_pressure_score';
const WRITES = 'floatie_overlayfs_write_latency_us_count';

suite('memory pressure', { skip: missing('root', 'btf', 'pressure') }, () => {
  test('under a memory hog the scores rise, and agree with the kernel’s files at that moment', async () => {
    using container = createContainer();
    await using memory = createCgroup('thrash');
    const v1 = findHierarchy().version === 1;
    writeFileSync(join(memory.path, v1 ? 'memory.limit_in_bytes' : 'memory.high'), `${16 << 20}`);
    using data = folder();
    // More file pages than the limit leaves room for, read again and again: each read waits for memory.
    const script = `echo $$ >${join(container.path, 'cgroup.procs')}; dd if=/dev/zero of=data bs=1M count=64 2>/dev/null; while :; do cat data data >/dev/null; done`;
    const [command, args] = memory.wrap('sh', '-c', script);
    await using floatie = await startFloatie();
    const hog = spawn(command, args, { cwd: data.path, stdio: 'ignore', detached: true });
    const exited = once(hog, 'exit');
    try {
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
    } finally {
      process.kill(-(hog.pid ?? 0), 'SIGKILL');
      await exited;
      await eventually(
        'the container is empty',
        () => readFileSync(join(container.path, 'cgroup.procs'), 'utf8') === '',
      );
    }
  });

  test('the PID-namespace filter does not touch the host’s score', async () => {
    await using floatie = await startFloatie(['--pid-ns-inum=1']);
    assert.equal((await floatie.scrape()).select(SCORE, { scope: 'host' }).length, 1);
  });

  test('10 containers that come and go leave no series behind, and no memory', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie(['--set', 'receivers.overlayfs.expire_ms=1000']);
    const round = async (): Promise<void> => {
      const containers = Array.from({ length: 10 }, () => createContainer());
      await using cgroups = createMemoryCgroups(containers.map(({ id }) => id));
      for (const cgroup of cgroups.list) {
        cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=10');
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
      for (const container of containers) container[Symbol.dispose]();
      for (const cgroup of cgroups.list) await cgroup.remove();
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

/** A cgroup in the v2 hierarchy, named as podman names a container's. */
function createContainer(): Disposable & { readonly id: string; readonly path: string } {
  const id = randomBytes(32).toString('hex');
  const path = join(findV2Mount() ?? '', `libpod-${id}`);
  mkdirSync(path);
  let removed = false;
  return {
    id,
    path,
    [Symbol.dispose]() {
      if (!removed) rmdirSync(path);
      removed = true;
    },
  };
}

function createMemoryCgroups(ids: readonly string[]) {
  const list = ids.map((id) => createCgroup('container', `libpod-${id}`));
  return {
    list,
    async [Symbol.asyncDispose]() {
      for (const cgroup of list) await cgroup.remove();
    },
  };
}

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
