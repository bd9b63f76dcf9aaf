/** What the processors of the pipeline make of a real Floatie's metrics, at Prometheus' endpoint and at a collector. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { createCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us';

suite('processors', { skip: missing('root', 'btf') }, () => {
  test('leave the cgroups that they let pass, add up what becomes equal, and rename, for all exporters', async () => {
    await using collector = await createCollector();
    await collector.start();
    using overlay = mountOverlay();
    await using first = createCgroup('processed');
    await using second = createCgroup('processed');
    await using other = createCgroup('excluded');
    using files = folder({
      'floatie.yaml': `
processors:
  filter/tests: { cgroups: { include: [/floatie-*], exclude: [/floatie-excluded-*] } }
  attributes/short:
    actions:
      - { key: cgroup, action: delete }
      - { key: operation, action: insert, from_attribute: op }
      - { key: op, action: delete }
      - { key: team, action: upsert, value: storage }
exporters: { otlp: { endpoint: "${collector.endpoint}", interval_ms: 500 } }
service: { pipelines: { metrics: { processors: [filter/tests, attributes/short] } } }
`,
    });
    await using floatie = await startFloatie(['--config', join(files.path, 'floatie.yaml')]);
    const write = (cgroup: typeof first, count: number) =>
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', `count=${count}`);
    write(first, 300);
    write(second, 200);
    write(other, 77);

    const metrics = await floatie.scrape();
    const samples = metrics.select(`${WRITES}_count`);
    assert.deepEqual(
      samples.map(({ labels, value }) => ({ ...labels, value })),
      [{ team: 'storage', value: 500 }],
    );
    const excluded = metrics.select('floatie_overlayfs_excluded_total', { operation: 'write' });
    assert.ok(excluded.length === 1 && (excluded[0]?.value ?? 0) >= 77);
    assert.equal(metrics.select('floatie_build_info', { team: 'storage' }).length, 1);

    const point = await eventually('the writes have arrived', () =>
      collector
        .exports()
        .at(-1)
        ?.points.find(({ name, value }) => name === WRITES && value === 500),
    );
    assert.deepEqual(point.attributes, { team: 'storage' });
    assert.equal(await floatie.stop(), 0);
    const last = collector.exports().at(-1)?.points ?? [];
    assert.deepEqual(
      last.filter(({ attributes }) => attributes.team !== 'storage' || 'cgroup' in attributes),
      [],
    );
  });
});
