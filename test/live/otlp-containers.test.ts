/** With a resource for each container a real collector finds out what points and records belong to. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import { type Collector, createCollector, type Export } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay, type Overlay } from '../support/overlay.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us';
const IDS = ['a', 'b'].map((digit) => digit.repeat(55) + process.pid.toString(16).padStart(9, '0'));
const KNOWN = Object.fromEntries(IDS.map((id, at) => [id, { 'k8s.deployment.name': `shop-${at}` }]));

suite('a resource for each container', { skip: missing('root', 'btf') }, () => {
  test('the collector associates all of each container and none of Floatie, and totals are those of the flat form and of a scrape', async () => {
    await using collector = await startCollector();
    using overlay = mountOverlay();
    await using first = createContainer(0);
    await using second = createContainer(1);
    await using service = createCgroup('service');
    const config = (turn: string): string => `
exporters:
  otlp: {endpoint: "${collector.endpoint}", interval_ms: 500, timeout_ms: 2000, resource_per_container: true}
  otlphttp: {endpoint: "${collector.httpEndpoint}", interval_ms: 500, timeout_ms: 2000}
service:
  pipelines: {metrics: {exporters: [prometheus, otlp, otlphttp]}}
  telemetry: {resource: {k8s.node.name: node-1, turn: ${turn}}}
`;
    using home = folder({ 'floatie.yaml': config('first') });
    const file = join(home.path, 'floatie.yaml');
    await using floatie = await startFloatie(['--config', file]);
    const writeAll = (): void => [first, second, service].forEach((cgroup, at) => void write(cgroup, overlay, 50 + at));
    writeAll();
    const bothHave = (count: number): boolean =>
      [true, false].every(
        (isByContainer) => totals(collector.exports(), isByContainer).get(WRITES + second.name) === count,
      );
    await eventually('both forms have arrived', () => bothHave(51));
    await collector.stop();
    writeAll();
    await kill(first);
    writeFileSync(file, config('second'));
    floatie.process.kill('SIGHUP');
    await eventually('it is loaded', () =>
      floatie.log.some(({ message }) => message === 'The configuration is reloaded'),
    );
    await collector.start();
    writeAll();
    await eventually('all has arrived', () => bothHave(153));
    await eventually('both records have arrived', () => collector.logRecords().length === 2);
    const metrics = await floatie.scrape();
    assert.equal(await floatie.stop(), 0);

    const all = collector.exports();
    for (const { resource, scope, points } of all) {
      const id = resource['container.id'];
      if (id === undefined) {
        assert.equal(resource['service.name'], 'floatie');
        assert.equal(resource['k8s.deployment.name'], undefined);
        continue;
      }
      assert.equal(resource['service.name'], undefined);
      assert.equal(resource['k8s.node.name'], 'node-1');
      assert.equal(resource['k8s.deployment.name'], KNOWN[id]?.['k8s.deployment.name']);
      assert.ok(points.every(({ attributes }) => attributes['container.id'] === undefined));
      assert.match(scope['service.instance.id'] ?? '', /^[0-9a-f-]{36}$/);
    }
    assert.deepEqual(new Set(all.map(({ resource }) => resource.turn)), new Set(['first', 'second']));
    const byContainer = totals(all, true);
    assert.ok(byContainer.size > 6, `${byContainer.size} series`);
    assert.deepEqual(byContainer, totals(all, false));
    for (const [cgroup, count] of [
      [first, 150],
      [second, 153],
    ] as const) {
      assert.equal(byContainer.get(WRITES + cgroup.name), count);
      assert.equal(metrics.sum(`${WRITES}_count`, { cgroup: cgroup.name }), count);
    }
    const ofService = all.filter(({ points }) => points.some(({ attributes }) => attributes.cgroup === service.name));
    assert.deepEqual(new Set(ofService.map(({ resource }) => resource['service.name'])), new Set(['floatie']));
    assert.equal(metrics.sum('floatie_oom_kills_total', { container_id: IDS[0] ?? '' }), 1);
    const [record] = collector.logRecords().filter(({ resource }) => resource['service.name'] === undefined);
    assert.equal(record?.resource['k8s.deployment.name'], 'shop-0');
    assert.equal(record?.attributes['container.id'], undefined);
    assert.equal(record?.attributes.cgroup, first.name);
  });

  test('with delta temporality the deltas of each container add up to its total', async () => {
    await using collector = await startCollector();
    using overlay = mountOverlay();
    await using first = createContainer(0);
    await using second = createContainer(1);
    const set = {
      endpoint: collector.httpEndpoint,
      interval_ms: 500,
      temporality: 'delta',
      resource_per_container: true,
    };
    await using floatie = await startFloatie([
      ...['--set', 'service.pipelines.metrics.exporters=otlphttp,prometheus'],
      ...Object.entries(set).flatMap(([key, value]) => ['--set', `exporters.otlphttp.${key}=${value}`]),
    ]);
    const sums = (): number[] =>
      IDS.map((id) =>
        collector
          .exports()
          .filter(({ resource }) => resource['container.id'] === id)
          .flatMap(({ points }) => points)
          .filter(({ name }) => name === WRITES)
          .reduce((sum, { value }) => sum + value, 0),
      );
    for (let round = 1; round <= 3; round++) {
      write(first, overlay, 20);
      write(second, overlay, 30);
      await eventually('the deltas have arrived', () => sums().join() === [20 * round, 30 * round].join());
    }
    assert.equal(await floatie.stop(), 0);
    assert.deepEqual(sums(), [60, 90]);
  });
});

async function startCollector(): Promise<Collector> {
  const collector = await createCollector(undefined, 'detailed', KNOWN);
  await collector.start();
  return collector;
}

/** A cgroup with the name of a container of docker. */
function createContainer(at: number): Cgroup {
  return createCgroup('container', `docker-${IDS[at]}.scope`);
}

function write(cgroup: Cgroup, overlay: Overlay, count: number): void {
  cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', `count=${count}`);
}

async function kill(cgroup: Cgroup): Promise<void> {
  const limit = findHierarchy().version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
  writeFileSync(join(cgroup.path, limit), `${32 << 20}`);
  const [command, args] = cgroup.wrap(fixture('hog'), 'hog', '100');
  await once(spawn(command, args, { stdio: 'ignore' }), 'exit');
}

/**
 * The newest totals of the containers, in one of the forms, by metric, cgroup and further attributes. Gauges differ from
 * export to export.
 */
function totals(exports: readonly Export[], isByContainer: boolean): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { resource, points } of exports) {
    const id = resource['container.id'];
    if ((id !== undefined) !== isByContainer) continue;
    for (const { name, type, value, attributes } of points) {
      const { cgroup = '', 'container.id': flatId, ...rest } = attributes;
      if (type === 'Gauge' || !IDS.includes(id ?? flatId ?? '')) continue;
      newest.set([name + cgroup, ...Object.entries(rest).sort()].join(), value);
    }
  }
  return newest;
}
