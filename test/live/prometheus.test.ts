/** A real Prometheus scrapes a real Floatie. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder, peer } from '../support/peers.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { missing } from '../support/requirements.ts';

suite('Prometheus', { skip: missing('root', 'btf') }, () => {
  test('promtool finds no error in a scrape, and complains only of the unit in the fixed names of latencies', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('promtool');
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    const text = await (await fetch(floatie.url)).text();
    const { stderr, stdout } = spawnSync(join(peer('prometheus'), 'promtool'), ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    const complaints = (stderr + stdout).split('\n').filter((line) => line !== '');
    assert.deepEqual(
      complaints.filter((line) => !/^floatie_overlayfs_\w+_latency_us .*abbreviated unit/.test(line)),
      [],
    );
  });

  test('promtool reads each sample of OpenMetrics text, and its value', async () => {
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('openmetrics');
    using overlay = mountOverlay();
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    const headers = { accept: 'application/openmetrics-text;version=1.0.0' };
    const page = await (await fetch(floatie.url, { headers })).text();

    // `check metrics` reads plain text only; of OpenMetrics text promtool makes blocks, where each sample has a time.
    using files = folder({ page: page.replace(/^[^#\n].*$/gm, `$& ${Date.now() / 1000}`) });
    mkdirSync(join(files.path, 'blocks/wal'), { recursive: true });
    const tsdb = (...args: string[]): string =>
      execFileSync(join(peer('prometheus'), 'promtool'), ['tsdb', ...args], { cwd: files.path, encoding: 'utf8' });
    tsdb('create-blocks-from', 'openmetrics', '--quiet', 'page', 'blocks');
    const read = tsdb('dump-openmetrics', '--sandbox-dir-root=.', 'blocks');
    assert.deepEqual(samplesOf(read.replace(/ \S+$/gm, '')), samplesOf(page));
  });

  test('Prometheus scrapes it and answers histogram_quantile on it', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('quantile');
    await using prometheus = await startPrometheus([floatie.url]);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1000');

    const selector = `{cgroup="${cgroup.name}"}`;
    const query = async (expression: string): Promise<number> =>
      Number((await prometheus.query(expression))[0]?.value?.[1]);
    const count = `floatie_overlayfs_write_latency_us_count${selector}`;
    await eventually('Prometheus has the count', async () => (await query(count)) === 1000);
    const median = await query(`histogram_quantile(0.5, floatie_overlayfs_write_latency_us_bucket${selector})`);
    const metrics = await floatie.scrape();
    const buckets = metrics.select('floatie_overlayfs_write_latency_us_bucket', { cgroup: cgroup.name });
    const holding = buckets.findIndex(({ value }) => value >= 500);
    const bound = (index: number): number => Number(buckets[index]?.labels.le ?? 0);
    assert.ok(median >= bound(holding - 1) && median <= bound(holding), `${median}`);
  });

  test('1,000 scrapes at once all get the metrics or are refused, none is reset, and one that comes while it stops never hangs', async () => {
    await using floatie = await startFloatie();
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const response = await fetch(floatie.url);
        return [response.status, /floatie_build_info/.test(await response.text())];
      }),
    );
    // 408: this process had connected, and was too busy to ask within 5 s.
    const others = answers.filter(([status, found]) => !(status === 200 && found) && status !== 503 && status !== 408);
    assert.deepEqual(others, []);
    assert.ok(answers.some(([status]) => status === 200));
    const late = Array.from({ length: 20 }, () =>
      fetch(floatie.url, { signal: AbortSignal.timeout(60_000) }).then(
        ({ status }) => status,
        (error: Error) => error.name,
      ),
    );
    assert.equal(await floatie.stop(), 0);
    for (const outcome of await Promise.all(late))
      assert.ok(outcome === 200 || outcome === 503 || outcome === 'TypeError', `${outcome}`);
  });
});

/** The names and values of the samples, sorted. */
function samplesOf(page: string): string[] {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => `${/^\w+/.exec(line)?.[0]} ${Number(line.slice(line.lastIndexOf(' ')))}`).sort();
}
