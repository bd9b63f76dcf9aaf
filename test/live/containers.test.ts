/** Containers of a real runtime: whose disk it is, and what is left of them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { MemoryReader } from '../../src/receivers/pressure/memory.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { startFloatie } from '../support/floatie.ts';
import type { Metrics } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { createPidNamespace } from '../support/pid-namespace.ts';
import { BASE, podmanEnv, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const READS = 'floatie_overlayfs_read_latency_us_count';
const WRITES = 'floatie_overlayfs_write_latency_us_count';
const HEADROOM = 'floatie_memory_headroom_bytes';

suite('containers', { skip: missing('root', 'btf') }, () => {
  test('two of them have each their own counts under their own names, and none when they are gone', async () => {
    const { CONTAINERS_STORAGE_CONF = '' } = podmanEnv();
    const settings = ['--set', 'containers.names=true', '--set', 'receivers.overlayfs.expire_ms=1000'];
    await using floatie = await startFloatie(settings, { env: { CONTAINERS_STORAGE_CONF } });
    const counts = [2000, 500];
    const labels: Record<string, string>[] = [];
    const values: number[][] = [];
    {
      using first = startIo(counts[0] ?? 0);
      using second = startIo(counts[1] ?? 0);
      for (const [index, { id, name }] of [first, second].entries()) {
        const mine = { container_id: id, container_name: name, container_image_name: BASE };
        labels.push(mine);
        const metrics = await eventually(`container ${index} has done its work`, async () => {
          const now = await floatie.scrape();
          return now.sum(WRITES, mine) >= (counts[index] ?? 0) && now;
        });
        values.push([metrics.sum(READS, mine), metrics.sum(WRITES, mine)]);
      }
    }
    const [[readsOfFirst = 0, writesOfFirst = 0] = [], [readsOfSecond = 0, writesOfSecond = 0] = []] = values;
    assert.deepEqual([writesOfFirst, writesOfSecond], counts);
    // The shell and the loader read as well, in both alike.
    assert.equal(readsOfFirst - readsOfSecond, 1500);
    assert.ok(readsOfSecond >= 500, `${readsOfSecond}`);
    await eventually('their series have ended', async () => {
      const { samples } = await floatie.scrape();
      // How a container ended is told for longer.
      const told = samples.filter(({ name }) => name !== 'floatie_sigkills_total');
      return !told.some((sample) => labels.some(({ container_id }) => sample.labels.container_id === container_id));
    });
  });

  test('one that has a limit has headroom, and one that has none has no sample', async () => {
    await using floatie = await startFloatie();
    using limited = startContainer('-m', '64m', '--network=none', BASE, 'sleep', '60');
    using unlimited = startContainer('--network=none', BASE, 'sleep', '60');
    const series = await eventually('the limited container is found', async () => {
      const metrics = await floatie.scrape();
      // Found by the same walk.
      const both = [limited, unlimited].every(
        ({ id }) => metrics.select('floatie_memory_pressure_score', { container_id: id }).length > 0,
      );
      return both && metrics.select(HEADROOM);
    });
    const { version, mount } = findHierarchy();
    const sample = series.find(({ labels }) => labels.container_id === limited.id);
    const expected = new MemoryReader({ version, mount: mount ?? '' }).headroom(sample?.labels.cgroup ?? '') ?? 0;
    assert.ok(expected > 0 && expected <= 64 << 20, `${expected}`);
    assert.ok(Math.abs((sample?.value ?? 0) - expected) < 1 << 20, `${sample?.value}, not ${expected}`);
    assert.equal(
      series.some(({ labels }) => labels.container_id === unlimited.id),
      false,
    );
  });

  test('cgroups that are left out have no series, and what they do is counted', async () => {
    using overlay = mountOverlay();
    await using namespace = await createPidNamespace();
    await using left = createCgroup('left-out');
    await using kept = createCgroup('kept');
    const exclude = `containers.exclude=["/floatie-left-*"]`;
    await using floatie = await startFloatie(['--set', exclude, ...namespace.only]);
    for (const [cgroup, count] of [
      [left, 100],
      [kept, 30],
    ] as const) {
      cgroup.run(...namespace.enter, 'dd', 'if=/dev/zero', `of=${join(overlay.path, 'f')}`, 'bs=1', `count=${count}`);
    }
    const metrics = await floatie.scrape();
    assert.deepEqual(
      metrics.select(WRITES).map(({ labels, value }) => [labels.cgroup, value]),
      [[kept.name, 30]],
    );
    assert.equal(metrics.sum('floatie_overlayfs_excluded_total', { op: 'write' }), 100);
  });

  test('views that strip all attributes give exactly the four plain metrics, still exact', async () => {
    using overlay = mountOverlay();
    await using namespace = await createPidNamespace();
    const plain = [
      'floatie_overlayfs_read_latency_us',
      'floatie_overlayfs_write_latency_us',
      'floatie_oom_kills_total',
      'floatie_memory_pressure_score',
    ];
    const others = [
      ...['sync', 'open', 'metadata', 'transfer', 'copy_up'].map((name) => `floatie_overlayfs_${name}_latency_us`),
      ...['floatie_overlayfs_*_total', 'floatie_overlayfs_*measured', 'floatie_memory_*_total', 'floatie_oom_rec*'],
      'floatie_memory_reclaim_latency_us',
      'floatie_sigkills_total',
      HEADROOM,
    ];
    const views = [
      ...plain.map((name) => `{selector: {instrument_name: "${name}"}, stream: {attribute_keys: {included: []}}}`),
      ...others.map((name) => `{selector: {instrument_name: "${name}"}, stream: {aggregation: {drop: {}}}}`),
    ];
    await using floatie = await startFloatie(['--set', `views=[${views}]`, ...namespace.only]);
    await using small = createCgroup('small');
    const limit = findHierarchy().version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
    for (const name of ['one', 'two']) {
      await using cgroup = createCgroup(name);
      const file = join(overlay.path, name);
      cgroup.run(...namespace.enter, 'dd', 'if=/dev/zero', `of=${file}`, 'bs=1', 'count=100');
      cgroup.run(...namespace.enter, 'dd', `if=${file}`, 'of=/dev/null', 'bs=1', 'count=40');
    }
    writeFileSync(join(small.path, limit), `${16 << 20}`);
    for (let kill = 0; kill < 3; kill++) spawnSync(...small.wrap(...namespace.enter, fixture('hog'), 'plain', '64'));
    const metrics = await eventually('the kills are counted', async () => {
      const now = await floatie.scrape();
      return now.sum('floatie_oom_kills_total') === 3 && now;
    });
    assert.deepEqual(familiesOf(metrics), [
      'floatie_memory_pressure_score',
      'floatie_oom_kills_total',
      'floatie_overlayfs_read_latency_us',
      'floatie_overlayfs_write_latency_us',
    ]);
    assert.deepEqual(
      [READS, WRITES, 'floatie_oom_kills_total'].map((name) => metrics.select(name)),
      [
        [{ name: READS, labels: {}, value: 80 }],
        [{ name: WRITES, labels: {}, value: 200 }],
        [{ name: 'floatie_oom_kills_total', labels: {}, value: 3 }],
      ],
    );
    assert.deepEqual(
      metrics.select('floatie_memory_pressure_score').map(({ labels }) => labels),
      [{}],
    );
  });
});

/** The metrics that are not of Floatie itself. */
function familiesOf({ samples }: Metrics): string[] {
  const names = samples.map(({ name }) => name.replace(/(?<=_us)_(bucket|sum|count)$/, ''));
  return [...new Set(names)].filter((name) => /^floatie_(overlayfs|oom|memory)_/.test(name)).sort();
}

/** A container that writes and reads so many blocks on its own root, which is an overlay, and waits. */
function startIo(count: number): Disposable & { readonly id: string; readonly name: string } {
  const name = `floatie-test-${process.pid}-${count}`;
  const script = `dd if=/dev/zero of=/f bs=4096 count=${count} status=none; dd if=/f of=/dev/null bs=4096 count=${count} status=none; sleep 600`;
  const container = startContainer('--name', name, '--network=none', BASE, 'sh', '-c', script);
  return { ...container, name };
}
