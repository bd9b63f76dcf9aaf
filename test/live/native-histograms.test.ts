/** Native histograms and start times, as a real Prometheus reads them; and each format, as the libraries of others do. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { decodeFamilies, nativeCounts } from '../support/metric-families.ts';
import { hog, limit } from '../support/oom.ts';
import { mountOverlay } from '../support/overlay.ts';
import { peer } from '../support/peers.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';

const [READ, WRITE] = ['floatie_overlayfs_read_latency_us', 'floatie_overlayfs_write_latency_us'];
const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const FORMATS = { text: '*/*', openmetrics: 'application/openmetrics-text;version=1.0.0' } as const;
const features = ['native-histograms', 'created-timestamp-zero-ingestion'];

/** Reads one byte at each offset and prints how long each read took, in µs by its own clock. */
const READER = `
const { openSync, readSync } = require('node:fs');
const file = openSync(process.argv[1], 'r');
const took = Array.from({ length: Number(process.argv[2]) }, (_, offset) => {
  const began = process.hrtime.bigint();
  readSync(file, Buffer.alloc(1), 0, 1, offset);
  return Number(process.hrtime.bigint() - began) / 1000;
});
console.log(JSON.stringify(took));
`;
const SLOW_US = 50_000;

interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

/** The widths of a bucket, and of what a reader's clock sees besides the kernel's. */
const SCHEMA_FACTOR = 2 ** (1 / 8);
const CLOCK_FACTOR = 1.05;

async function numberOf(prometheus: Prometheus, expression: string): Promise<number> {
  return Number((await prometheus.query(expression))[0]?.value?.[1]);
}

async function bodyOf(url: string, accept: string): Promise<Buffer> {
  const response = await fetch(url, { headers: { accept } });
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

suite('a Prometheus with native histograms and start times', { skip: missing('root', 'btf') }, () => {
  test('reads native and classic histograms at once, and finds the same in both', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie(['--set', 'exporters.prometheus.native_histograms=with_classic']);
    await using cgroup = createCgroup('native');
    const job = { always_scrape_classic_histograms: true };
    await using prometheus = await startPrometheus([floatie.url], { features, job });
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1000');

    const selector = `{cgroup="${cgroup.name}"}`;
    await eventually('Prometheus has the writes', async () => {
      return (await numberOf(prometheus, `histogram_count(${WRITE}${selector})`)) === 1000;
    });
    assert.equal(await numberOf(prometheus, `${WRITE}_count${selector}`), 1000);
    const [sum, classicSum] = [`histogram_sum(${WRITE}${selector})`, `${WRITE}_sum${selector}`];
    assert.equal(await numberOf(prometheus, sum), await numberOf(prometheus, classicSum));
    for (const bound of [1, 2, 16, 1024]) {
      const le = `${WRITE}_bucket{cgroup="${cgroup.name}",le="${bound}.0"}`;
      const part = await numberOf(prometheus, `histogram_fraction(0, ${bound}, ${WRITE}${selector})`);
      assert.ok(Math.abs(part * 1000 - (await numberOf(prometheus, le))) < 1e-6, `${bound} µs: ${part}`);
    }
  });

  test('answers histogram_quantile as the clock of who read does, but for the width of a bucket', {
    skip: missing('fuse'),
  }, async () => {
    const delays = Array.from({ length: 60 }, (_, at) => Math.round(1000 * 40 ** (((at * 37) % 60) / 59)));
    await using slow = await mountSlow(delays);
    using overlay = mountOverlay(slow.path);
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('quantile');
    await using prometheus = await startPrometheus([floatie.url], { features });
    const printed = cgroup.run(process.execPath, '-e', READER, join(overlay.path, 'slow'), `${delays.length}`);
    const took = (JSON.parse(printed) as number[]).sort((a, b) => a - b);

    const selector = `{cgroup="${cgroup.name}"}`;
    await eventually('Prometheus has the reads', async () => {
      return (await numberOf(prometheus, `histogram_count(${READ}${selector})`)) === took.length;
    });
    for (const quantile of [0.1, 0.5, 0.9, 0.99]) {
      const own = took[Math.ceil(quantile * took.length) - 1] ?? 0;
      const told = await numberOf(prometheus, `histogram_quantile(${quantile}, ${READ}${selector})`);
      const factor = SCHEMA_FACTOR * CLOCK_FACTOR;
      assert.ok(told < own * factor && told > own / factor, `${quantile}: ${told} µs, by the reader's clock ${own} µs`);
    }
  });

  for (const [kind, kinds] of Object.entries({ native: ['native-histograms'], classic: [] })) {
    test(`has slow operations with their file and cause as exemplars of ${kind} histograms`, {
      skip: missing('fuse'),
    }, async () => {
      await using slow = await mountSlow([SLOW_US]);
      using overlay = mountOverlay(slow.path);
      await using floatie = await startFloatie(['--set', `receivers.overlayfs.slow_ms=${SLOW_US / 2000}`]);
      await using cgroup = createCgroup('exemplars');
      await using prometheus = await startPrometheus([floatie.url], { features: ['exemplar-storage', ...kinds] });
      cgroup.run('dd', `if=${join(overlay.path, 'slow')}`, 'of=/dev/null', 'bs=1', 'count=1', 'status=none');
      const exemplars = await eventually('Prometheus has the exemplar', async () => {
        const query = `{__name__=~"${READ}(_bucket)?",cgroup="${cgroup.name}"}`;
        const parameters = { query, start: `${Date.now() / 1000 - 60}`, end: `${Date.now() / 1000 + 60}` };
        const series = await prometheus.ask<{ exemplars: Exemplar[] }[]>('query_exemplars', parameters);
        const all = series.flatMap(({ exemplars }) => exemplars);
        return all.length > 0 && all;
      });
      const [{ labels = {}, value = '' } = {}, ...others] = exemplars;
      assert.deepEqual(others, []);
      assert.deepEqual(labels, { path: '/slow', cause: labels.cause, process: 'dd' });
      assert.match(labels.cause ?? '', /^(remote|other)$/);
      assert.ok(Number(value) >= SLOW_US && Number(value) < 100 * SLOW_US, value);
    });
  }

  test('sees the first kill of a victim, and the first writes of a container, by increase()', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie();
    await using prometheus = await startPrometheus([floatie.url], { features });
    await eventually('it scrapes', async () => (await numberOf(prometheus, 'floatie_oom_kills_total')) === 0);
    await using cgroup = createCgroup('first');
    limit(cgroup, 32);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    await once(hog(cgroup, 'first', 200), 'exit');

    const selector = `{cgroup="${cgroup.name}"}`;
    const increased = (metric: string): string => `increase(${metric}${selector}[1m])`;
    await eventually('the kill is an increase', async () => {
      return (await numberOf(prometheus, increased('floatie_oom_kills_total'))) >= 1;
    });
    await eventually('the writes are an increase', async () => {
      return (await numberOf(prometheus, `histogram_count(${increased(WRITE)})`)) >= 100;
    });
    assert.deepEqual(await prometheus.query(`${WRITE}_count${selector}`), []);
  });
});

suite('a page of metrics', { skip: missing('root', 'btf') }, () => {
  test('is read by Python’s prometheus_client in both texts, and has the same samples in both', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('pages');
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    const counts = [];
    for (const [format, accept] of Object.entries(FORMATS)) {
      const input = await bodyOf(floatie.url, accept);
      const { status, stdout, stderr } = spawnSync(peer('prometheus-client'), [format], { input, encoding: 'utf8' });
      assert.equal(status, 0, `${format}: ${stderr}`);
      const samples = stdout.split('\n').filter((line) => line !== '');
      const parsed = samples.map((line) => JSON.parse(line) as { name: string; labels: object; value: string });
      const own = parsed.filter(({ labels }) => Object.values(labels).includes(cgroup.name));
      const bucket = own.find(
        ({ name, labels }) => name === `${WRITE}_bucket` && 'le' in labels && labels.le === '+Inf',
      );
      assert.equal(Number(bucket?.value), 100);
      counts.push(parsed.length);
    }
    assert.equal(counts[0], counts[1]);
  });

  test('says the same to 200 scrapers of all kinds at once', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('mixed');
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    const kinds = [PROTOBUF, ...Object.values(FORMATS)];
    const bodies = await Promise.all(Array.from({ length: 201 }, (_, at) => bodyOf(floatie.url, kinds[at % 3] ?? '')));
    const [native, text, open] = bodies;
    const families = decodeFamilies(native ?? Buffer.alloc(0));
    const writes = families.find(({ name }) => name === WRITE)?.metric;
    const own = writes?.find(({ label }) => label.some(({ value }) => value === cgroup.name))?.histogram;
    assert.equal(own?.schema, 3);
    assert.equal(
      [...nativeCounts(own).values()].reduce((sum, one) => sum + one),
      100,
    );
    for (const page of [text, open]) assert.match(`${page}`, new RegExp(`^${WRITE}_count\\{.* 100$`, 'm'));
  });
});
