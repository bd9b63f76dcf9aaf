/** One Floatie under load, and all that take its metrics at once. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { isDeepStrictEqual, promisify } from 'node:util';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import { type Collector, createCollector, type Point } from '../support/collector.ts';
import { type Database, type Series, startVictoriaMetrics } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { startFloatie } from '../support/floatie.ts';
import { Metrics } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder } from '../support/peers.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';

const READS = 'floatie_overlayfs_read_latency_us';
const WRITES = 'floatie_overlayfs_write_latency_us';
const KILLS = 'floatie_oom_kills_total';

const EXPONENTIAL = 'default_histogram_aggregation: base2_exponential_bucket_histogram';
/** A bucket of an exponential histogram ends at this times where it begins: the scale is 3. */
const BASE = 2 ** (2 ** -3);

/** No quantile is where one time ends and the next begins, and no time is near a bound. */
const DELAYS_US = [
  ...Array<number>(40).fill(700),
  ...Array<number>(30).fill(2800),
  ...Array<number>(20).fill(5600),
  ...Array<number>(7).fill(22_000),
  ...Array<number>(3).fill(90_000),
];
const SLOW_READS = 5 * DELAYS_US.length;
const QUANTILES = [0.5, 0.95, 0.99];

suite('Prometheus, VictoriaMetrics and collectors by gRPC and HTTP, all at once,', {
  skip: missing('root', 'btf', 'fuse'),
}, () => {
  test('have the same totals after a load, and the quantiles that it measured itself', async (context) => {
    await using grpc = await createCollector();
    await using http = await createCollector();
    await using victoria = await startVictoriaMetrics();
    await Promise.all([grpc.start(), http.start()]);
    const to = (endpoint: string, more = ''): string => `{ endpoint: "${endpoint}", interval_ms: 500${more} }`;
    using files = folder({
      'floatie.yaml': `
exporters:
  otlp/explicit: ${to(grpc.endpoint)}
  otlp/exponential: ${to(grpc.endpoint, `, ${EXPONENTIAL}`)}
  otlphttp/explicit: ${to(http.httpEndpoint)}
  otlphttp/exponential: ${to(http.httpEndpoint, `, ${EXPONENTIAL}`)}
  otlphttp/victoria: ${to(`${victoria.url}/opentelemetry?extra_label=form=explicit`)}
  otlphttp/victoria-exponential: ${to(`${victoria.url}/opentelemetry?extra_label=form=exponential`, `, ${EXPONENTIAL}`)}
service:
  pipelines:
    metrics:
      exporters:
        - prometheus
        - otlp/explicit
        - otlp/exponential
        - otlphttp/explicit
        - otlphttp/exponential
        - otlphttp/victoria
        - otlphttp/victoria-exponential
`,
    });
    await using floatie = await startFloatie(['--config', join(files.path, 'floatie.yaml')]);
    await using prometheus = await startPrometheus([floatie.url]);
    await using slow = await mountSlow(DELAYS_US);
    using overlay = mountOverlay(slow.path);
    await using busy = createCgroup('busy');
    await using waiting = createCgroup('waiting');
    await using small = createCgroup('small');

    const [mixed, timed] = await Promise.all([
      run(busy, fixture('io'), 'mixed', join(overlay.path, 'file'), '50000', '30000', '4'),
      run(waiting, fixture('io'), 'timed', join(overlay.path, 'slow'), String(SLOW_READS)),
      runOutOfMemory(small),
    ]);
    const did = JSON.parse(mixed) as { reads: number; writes: number };
    const expected = await eventually('the kill is counted', async () => {
      const metrics = await floatie.scrape();
      return metrics.sum(KILLS, { cgroup: small.name }) === 1 && metrics;
    });
    assert.equal(expected.sum(`${READS}_count`, { cgroup: busy.name }), did.reads);
    assert.equal(expected.sum(`${WRITES}_count`, { cgroup: busy.name }), did.writes);
    assert.equal(expected.sum(`${READS}_count`, { cgroup: waiting.name }), SLOW_READS);

    const stored =
      (database: Database, form = '') =>
      async (cgroup: string): Promise<Metrics> =>
        asMetrics(await database.query(`{__name__=~"floatie_o.*",cgroup="${cgroup}",form="${form}"}`));
    const received = (collector: Collector, type: string) => () => scraped(lastPoints(collector, type));
    const explicit = {
      prometheus: stored(prometheus),
      victoria: stored(victoria, 'explicit'),
      grpc: received(grpc, 'Histogram'),
      http: received(http, 'Histogram'),
    };
    const exponential = {
      victoria: stored(victoria, 'exponential'),
      grpc: received(grpc, 'ExponentialHistogram'),
      http: received(http, 'ExponentialHistogram'),
    };
    for (const cgroup of [busy, waiting, small].map(({ name }) => name)) {
      const totals = totalsOf(expected, cgroup);
      for (const [name, metrics] of Object.entries(explicit)) {
        await become(`explicit totals of ${cgroup} by ${name}`, totals, async () =>
          totalsOf(await metrics(cgroup), cgroup),
        );
      }
      // Their buckets are other ones.
      for (const [name, metrics] of Object.entries(exponential)) {
        await become(`exponential totals of ${cgroup} by ${name}`, withoutBuckets(totals), async () =>
          withoutBuckets(totalsOf(await metrics(cgroup), cgroup)),
        );
      }
    }

    // The truth is what the reader measured around its calls: hardly more than the kernel did inside of them.
    const tookUs = (JSON.parse(timed) as number[]).map((ns) => ns / 1000).sort((a, b) => a - b);
    const buckets = expected.select(`${READS}_bucket`, { cgroup: waiting.name });
    const bucketOf = (us: number): number => buckets.findIndex(({ labels }) => us <= boundOf(labels.le ?? ''));
    const asked = async (database: Database, quantile: number, form = ''): Promise<number> => {
      const bucket = `${READS}_bucket{cgroup="${waiting.name}",form="${form}"}`;
      return Number((await database.query(`histogram_quantile(${quantile}, ${bucket})`))[0]?.value?.[1]);
    };
    const computed = (collector: Collector, quantile: number): number => {
      const points = lastPoints(collector, 'ExponentialHistogram').filter(({ name }) => name === READS);
      const point = points.find(({ attributes }) => attributes.cgroup === waiting.name);
      return point === undefined ? Number.NaN : exponentialQuantile(quantile, point);
    };
    for (const quantile of QUANTILES) {
      const truth = tookUs[Math.ceil(quantile * SLOW_READS) - 1] ?? 0;
      const explicitUs = {
        prometheus: await asked(prometheus, quantile),
        victoria: await asked(victoria, quantile, 'explicit'),
      };
      const exponentialUs = {
        victoria: await asked(victoria, quantile, 'exponential'),
        grpc: computed(grpc, quantile),
        http: computed(http, quantile),
      };
      context.diagnostic(JSON.stringify({ quantile, truth, explicitUs, exponentialUs }));
      for (const us of Object.values(explicitUs)) assert.ok(Math.abs(bucketOf(us) - bucketOf(truth)) <= 1);
      for (const us of Object.values(exponentialUs)) assert.ok(Math.abs(us / truth - 1) <= BASE - 1);
    }
    assert.equal(await floatie.stop(), 0);
  });
});

async function run(cgroup: Cgroup, command: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(...cgroup.wrap(command, ...args))).stdout;
}

async function runOutOfMemory(cgroup: Cgroup): Promise<void> {
  const limit = findHierarchy().version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
  writeFileSync(join(cgroup.path, limit), `${32 << 20}`);
  await once(spawn(...cgroup.wrap(fixture('hog'), 'victim', '100'), { stdio: 'ignore' }), 'exit');
}

/** Counts, sums and buckets of a cgroup's histograms, and its kills. */
type Totals = Readonly<Record<string, number>>;

function totalsOf(metrics: Metrics, cgroup: string): Totals {
  const names = [READS, WRITES].flatMap((name) => ['count', 'sum', 'bucket'].map((part) => `${name}_${part}`));
  const samples = [...names, KILLS].flatMap((name) => metrics.select(name, { cgroup }));
  return Object.fromEntries(
    samples.map(({ name, labels: { le }, value }) => [le === undefined ? name : `${name} ${boundOf(le)}`, value]),
  );
}

/** Prometheus writes 1 as 1.0. */
function boundOf(le: string): number {
  return le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
}

function withoutBuckets(totals: Totals): Totals {
  return Object.fromEntries(Object.entries(totals).filter(([name]) => !name.includes('_bucket')));
}

/** All that came last from the exporter whose histograms are of this type. */
function lastPoints(collector: Collector, type: string): readonly Point[] {
  return collector.exports().findLast(({ points }) => points.some((point) => point.type === type))?.points ?? [];
}

function asMetrics(found: readonly Series[]): Metrics {
  return new Metrics(
    found.map(({ metric: { __name__: name = '', ...labels }, value = [] }) => ({
      name,
      labels,
      value: Number(value[1]),
    })),
  );
}

/** What a scrape would have of them. */
function scraped(points: readonly Point[]): Metrics {
  return new Metrics(
    points.flatMap(({ name, attributes: labels, value, sum, bounds, counts }) => {
      if (sum === undefined) return [{ name, labels, value }];
      let upTo = 0;
      const buckets = counts.map((count, at) => {
        upTo += count;
        return { name: `${name}_bucket`, labels: { ...labels, le: String(bounds[at] ?? '+Inf') }, value: upTo };
      });
      return [{ name: `${name}_count`, labels, value }, { name: `${name}_sum`, labels, value: sum }, ...buckets];
    }),
  );
}

/** Within the bucket that holds it no time is known: the one that is furthest off neither end, by factor. */
function exponentialQuantile(quantile: number, { value: count, bounds, counts }: Point): number {
  let upTo = 0;
  const at = counts.findIndex((one) => {
    upTo += one;
    return upTo >= quantile * count;
  });
  return (bounds[at] ?? Number.NaN) / Math.sqrt(BASE);
}

async function become(what: string, expected: Totals, actual: () => Totals | Promise<Totals>): Promise<void> {
  let totals: Totals = {};
  const isSo = async (): Promise<boolean> => {
    totals = await actual();
    return isDeepStrictEqual(totals, expected);
  };
  await eventually(what, isSo).catch(() => assert.deepEqual(totals, expected, what));
}
