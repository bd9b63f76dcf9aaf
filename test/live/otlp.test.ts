/** A real OpenTelemetry Collector receives what a real Floatie measures. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { createCgroup } from '../support/cgroup.ts';
import { type Collector, createCollector, type Export, type Point } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import type { Metrics } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder, freePort, peer } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us';
const FAST = ['--set', 'exporters.otlp.interval_ms=500', '--set', 'exporters.otlp.timeout_ms=2000'];

suite('OTLP', { skip: missing('root', 'btf') }, () => {
  test('the collector receives the four metrics with the values and attributes of a scrape', async () => {
    await using collector = await startCollector();
    using overlay = mountOverlay();
    await using cgroup = createCgroup('otlp');
    await using floatie = await startFloatie(['--set', `exporters.otlp.endpoint=${collector.endpoint}`, ...FAST]);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1000');
    cgroup.run('dd', `if=${join(overlay.path, 'file')}`, 'of=/dev/null', 'bs=1', 'count=700');
    const v1 = findHierarchy().version === 1;
    writeFileSync(join(cgroup.path, v1 ? 'memory.limit_in_bytes' : 'memory.max'), `${32 << 20}`);
    const [command, args] = cgroup.wrap(fixture('hog'), 'a"b\\xffc', '100');
    await once(spawn(command, args, { stdio: 'ignore' }), 'exit');

    const victim = await eventually('the kill has arrived', () =>
      last(collector, 'floatie_oom_kills_total', { victim_comm: 'a"b\uFFFDc' }),
    );
    const metrics = await floatie.scrape();
    const where = { cgroup: cgroup.name };
    for (const name of ['floatie_overlayfs_read_latency_us', WRITES]) {
      const point = last(collector, name, where);
      assert.ok(point, name);
      assert.equal(point.value, metrics.sum(`${name}_count`, where));
      assert.ok(Math.abs((point.sum ?? 0) - metrics.sum(`${name}_sum`, where)) < 1e-3);
      assert.deepEqual(cumulate(point), bucketsOf(metrics, name, where));
    }
    assert.equal(victim.value, 1);
    assert.deepEqual(victim.attributes, {
      trigger_comm: 'a"b\uFFFDc',
      victim_comm: 'a"b\uFFFDc',
      scope: 'memcg',
      cgroup: cgroup.name,
    });
    const score = last(collector, 'floatie_memory_pressure_score', { scope: 'host' });
    assert.ok(score !== undefined && score.value >= 0 && score.value <= 100);
    const resource = collector.exports().at(-1)?.resource ?? {};
    assert.equal(resource['service.name'], 'floatie');
    assert.match(resource['service.instance.id'] ?? '', /^[0-9a-f-]{36}$/);
    assert.ok(resource['host.name']);
  });

  test('after the collector was down twice the totals are exact, and scrapes never waited', async () => {
    await using collector = await startCollector();
    using overlay = mountOverlay();
    await using cgroup = createCgroup('outage');
    await using floatie = await startFloatie(['--set', `exporters.otlp.endpoint=${collector.endpoint}`, ...FAST]);
    const write = (): string =>
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    for (let outage = 0; outage < 2; outage++) {
      write();
      const failed = (await exportsOf(floatie)).failure;
      await collector.stop();
      write();
      await eventually('exports fail', async () => (await exportsOf(floatie)).failure > failed);
      write();
      await collector.start();
    }
    write();
    await eventually('the total has arrived', () => last(collector, WRITES, { cgroup: cgroup.name })?.value === 700);
    const { success, failure } = await exportsOf(floatie);
    assert.ok(success > 0 && failure >= 2, `${success} exports went well, ${failure} failed`);
    const complaints = floatie.log.filter(({ message }) => message.startsWith('Cannot export by otlp'));
    assert.ok(complaints.length <= 2, 'one line for each outage, however many exports it cost');
    assert.ok(floatie.log.some(({ message }) => message === 'Exporting by otlp again'));
  });

  test('with delta temporality the deltas add up to the total, and gauges stay what they are', async () => {
    await using collector = await startCollector();
    using overlay = mountOverlay();
    await using cgroup = createCgroup('delta');
    const delta = ['--set', 'exporters.otlp.temporality=delta'];
    await using floatie = await startFloatie([
      '--set',
      `exporters.otlp.endpoint=${collector.endpoint}`,
      ...FAST,
      ...delta,
    ]);
    const points = (): Point[] => pointsOf(collector.exports(), WRITES, { cgroup: cgroup.name });
    for (let round = 1; round <= 3; round++) {
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
      await eventually('another delta has arrived', () => points().length >= round);
    }
    assert.equal(await floatie.stop(), 0);
    assert.deepEqual(new Set(points().map(({ temporality }) => temporality)), new Set(['Delta']));
    assert.equal(
      points().reduce((sum, { value }) => sum + value, 0),
      300,
    );
    const scores = pointsOf(collector.exports(), 'floatie_memory_pressure_score', { scope: 'host' });
    assert.ok(scores.length >= 3, 'a gauge is exported whether it moved or not');
  });

  test('exponential histograms arrive, and agree with the explicit ones of a scrape wherever both have a bound', async () => {
    await using collector = await startCollector();
    using overlay = mountOverlay();
    await using cgroup = createCgroup('exponential');
    const form = 'exporters.otlp.default_histogram_aggregation=base2_exponential_bucket_histogram';
    await using floatie = await startFloatie([
      ...['--set', `exporters.otlp.endpoint=${collector.endpoint}`, ...FAST],
      ...['--set', form],
    ]);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=64k', 'count=1000');
    const where = { cgroup: cgroup.name };
    const point = await eventually('all writes have arrived', () => {
      const newest = last(collector, WRITES, where);
      return newest?.value === 1000 && newest;
    });
    const metrics = await floatie.scrape();
    assert.ok(point.bounds.length > 3, 'finer than the explicit buckets');
    for (const { labels, value } of metrics.select(`${WRITES}_bucket`, where)) {
      const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
      // The collector prints bounds with six decimals.
      const upTo = point.counts.filter((_, at) => (point.bounds[at] ?? 0) <= bound + 1e-6);
      assert.equal(
        upTo.reduce((sum, count) => sum + count, 0),
        value,
        `up to ${labels.le} µs`,
      );
    }
    assert.ok(Math.abs((point.sum ?? 0) - metrics.sum(`${WRITES}_sum`, where)) < 1e-3);
  });

  test('what was counted last is exported when it stops', async () => {
    await using collector = await startCollector();
    using overlay = mountOverlay();
    await using cgroup = createCgroup('last');
    const slow = ['--set', 'exporters.otlp.interval_ms=3600000'];
    await using floatie = await startFloatie(['--set', `exporters.otlp.endpoint=${collector.endpoint}`, ...slow]);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=42');
    const began = performance.now();
    assert.equal(await floatie.stop(), 0);
    assert.ok(performance.now() - began < 5000);
    await eventually('it has arrived', () => last(collector, WRITES, { cgroup: cgroup.name })?.value === 42);
  });

  test('OTEL_EXPORTER_OTLP_ENDPOINT switches it on', async () => {
    await using collector = await startCollector();
    await using floatie = await startFloatie(FAST, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } });
    await eventually('an export has arrived', () => collector.exports().length > 0);
    assert.equal(await floatie.stop(), 0);
  });

  test('a collector that accepts and never answers delays neither scrapes nor, for more than 10 s, the stop', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    try {
      await using floatie = await startFloatie(['--set', `exporters.otlp.endpoint=http://127.0.0.1:${port}`, ...FAST]);
      await eventually('it has been asked', () => sockets.size > 0);
      await floatie.scrape();
      await eventually('exports fail', async () => (await exportsOf(floatie)).failure > 0);
      const began = performance.now();
      assert.equal(await floatie.stop(), 0);
      assert.ok(performance.now() - began < 10_000);
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  test('otel-collector.yaml is a configuration that the collector takes', async () => {
    const [grpc, http] = [await freePort(), await freePort()];
    const { readFileSync } = await import('node:fs');
    const text = readFileSync(fileURLToPath(new URL('../../otel-collector.yaml', import.meta.url)), 'utf8');
    using home = folder({
      'otel-collector.yaml': text.replaceAll(':4317', `:${grpc}`).replaceAll(':4318', `:${http}`),
    });
    const child = spawn(peer('otelcol'), ['validate', '--config', 'otel-collector.yaml'], {
      cwd: home.path,
      stdio: 'inherit',
    });
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});

async function startCollector(): Promise<Collector> {
  const collector = await createCollector();
  await collector.start();
  return collector;
}

function pointsOf(exports: readonly Export[], name: string, attributes: Readonly<Record<string, string>>): Point[] {
  return exports
    .flatMap(({ points }) => points)
    .filter(
      (point) =>
        point.name === name && Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
    );
}

function last(collector: Collector, name: string, attributes: Readonly<Record<string, string>>): Point | undefined {
  return pointsOf(collector.exports(), name, attributes).at(-1);
}

async function exportsOf(floatie: Floatie): Promise<{ success: number; failure: number }> {
  const metrics = await floatie.scrape();
  const sum = (outcome: string): number => metrics.sum('floatie_otlp_exports_total', { outcome });
  return { success: sum('success'), failure: sum('failure') };
}

function cumulate({ counts }: Point): number[] {
  let sum = 0;
  return counts.map((count) => {
    sum += count;
    return sum;
  });
}

function bucketsOf(metrics: Metrics, name: string, labels: Record<string, string>): number[] {
  return metrics.select(`${name}_bucket`, labels).map(({ value }) => value);
}
