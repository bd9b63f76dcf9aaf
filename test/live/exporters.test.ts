/** Several exporters of a real Floatie at once, as the pipeline lists them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { type Collector, createCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us';

/** The last of what the collector has for a cgroup. */
function writesOf(collector: Collector, cgroup: string): number | undefined {
  const points = collector.exports().at(-1)?.points ?? [];
  return points.find(({ name, attributes }) => name === WRITES && attributes.cgroup === cgroup)?.value;
}

suite('named exporters', { skip: missing('root', 'btf') }, () => {
  test('over gRPC, over HTTP and a second endpoint for scrapes have the same totals', async () => {
    await using grpc = await createCollector();
    await using http = await createCollector();
    await Promise.all([grpc.start(), http.start()]);
    using overlay = mountOverlay();
    await using cgroup = createCgroup('named');
    using files = folder({
      'floatie.yaml': `
exporters:
  otlp/eu: { endpoint: "${grpc.endpoint}", interval_ms: 500 }
  otlphttp/backend: { endpoint: "${http.httpEndpoint}", interval_ms: 500 }
  prometheus/second: { port: 0 }
service: { pipelines: { metrics: { exporters: [prometheus, prometheus/second, otlp/eu, otlphttp/backend] } } }
`,
    });
    await using floatie = await startFloatie(['--config', join(files.path, 'floatie.yaml')]);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1000');
    assert.equal((await floatie.scrape()).sum(`${WRITES}_count`, { cgroup: cgroup.name }), 1000);
    for (const collector of [grpc, http]) {
      await eventually('all writes have arrived', () => writesOf(collector, cgroup.name) === 1000);
    }
    await eventually('both exports are counted', async () => {
      const metrics = await floatie.scrape();
      return ['otlp/eu', 'otlphttp/backend'].every(
        (exporter) => metrics.sum('floatie_otlp_exports_total', { exporter, outcome: 'success' }) > 0,
      );
    });
    assert.equal(await floatie.stop(), 0);
  });

  test('that writes to standard output ends with whoever reads it, and Floatie does not', async () => {
    const settings = ['service.pipelines.metrics.exporters=debug', 'exporters.debug.interval_ms=100'];
    const flags = settings.flatMap((pair) => ['--set', pair]);
    const child = spawn(process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = once(child, 'exit');
    try {
      const [text] = (await once(child.stdout, 'data')) as [Buffer];
      assert.match(text.toString(), /^metrics: \d+, points: \d+\n/);
      child.stdout.destroy();
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(child.exitCode, null);
    } finally {
      child.kill('SIGTERM');
    }
    assert.deepEqual(await exited, [0, null]);
  });
});
