/** Overlayfs latency on the kernel that is running: every operation counted once, in the right bucket. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { type Floatie, MAIN, startFloatie } from '../support/floatie.ts';
import { mapsOf } from '../support/kernel-objects.ts';
import { type Metrics, operationsInOverflow } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { createPidNamespace } from '../support/pid-namespace.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';

const READ = 'floatie_overlayfs_read_latency_us';
const WRITE = 'floatie_overlayfs_write_latency_us';

suite('overlayfs', { skip: missing('root', 'btf') }, () => {
  test('every read and write on overlayfs is counted exactly, and nothing else is', async () => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('exact');
    await using floatie = await startFloatie();
    const did = JSON.parse(
      cgroup.run(fixture('io'), 'mixed', join(overlay.path, 'file'), '100000', '50000', '8'),
    ) as Record<string, number>;
    assert.equal(did.reads, 800_000);
    assert.equal(did.writes, 400_000);
    const metrics = await floatie.scrape();
    const labels = { cgroup: cgroup.name };
    assert.deepEqual(
      {
        reads: metrics.sum(`${READ}_count`, labels),
        writes: metrics.sum(`${WRITE}_count`, labels),
        read_errors: metrics.sum('floatie_overlayfs_errors_total', { ...labels, op: 'read' }),
        write_errors: metrics.sum('floatie_overlayfs_errors_total', { ...labels, op: 'write' }),
        read_zeros: metrics.sum('floatie_overlayfs_zero_total', { ...labels, op: 'read' }),
        write_zeros: metrics.sum('floatie_overlayfs_zero_total', { ...labels, op: 'write' }),
      },
      did,
    );
    for (const name of [READ, WRITE]) assertConsistent(metrics, name);
    assert.equal(metrics.sum('floatie_probe_misses_total'), 0);
  });

  test('reads that take 20 ms land in the bucket that holds 20 ms, and the sum is what the reader measured', {
    skip: missing('fuse'),
  }, async () => {
    await using slow = await mountSlow([20_000]);
    using overlay = mountOverlay(slow.path);
    await using cgroup = createCgroup('slow');
    await using floatie = await startFloatie();
    const times = JSON.parse(cgroup.run(fixture('io'), 'timed', join(overlay.path, 'slow'), '200')) as number[];
    const metrics = await floatie.scrape();
    const upTo = (le: string): number => metrics.sum(`${READ}_bucket`, { cgroup: cgroup.name, le });
    // On a machine that is busy with other things some reads take longer; the reader saw which.
    const counted = upTo('32768') - upTo('16384');
    const took = times.filter((ns) => ns > 16_384_000 && ns <= 32_768_000).length;
    assert.ok(Math.abs(counted - took) <= 0.01 * times.length, `${counted} against ${took}`);
    assert.ok(took >= 0.5 * times.length, `only ${took} of ${times.length} took 20 ms by their own clock`);
    const sumNs = times.reduce((sum, ns) => sum + ns, 0);
    const sumUs = metrics.sum(`${READ}_sum`, { cgroup: cgroup.name });
    assert.ok(Math.abs(sumUs * 1000 - sumNs) <= 0.02 * sumNs, `${sumUs} µs against ${sumNs} ns`);
  });

  test('a read of a FIFO that waits for its writer is no sample, one of a file beside it is', async () => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('fifo');
    await using floatie = await startFloatie();
    const [fifo, file] = ['fifo', 'file'].map((name) => join(overlay.path, name)) as [string, string];
    execFileSync('mkfifo', [fifo]);
    execFileSync('truncate', ['-s', '3', file]);
    const script =
      '(sleep 0.2; echo x >"$0") & dd if="$0" of=/dev/null bs=2 count=1 && dd if="$1" of=/dev/null bs=1 count=3; wait';
    cgroup.run('sh', '-c', script, fifo, file);
    const metrics = await floatie.scrape();
    const labels = { cgroup: cgroup.name };
    assert.deepEqual(
      [READ, WRITE].map((name) => metrics.sum(`${name}_count`, labels)),
      [3, 0],
    );
  });

  test('a library of the same process that was built with -ffast-math changes no count', async () => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('fastmath');
    await using floatie = await startFloatie([], { env: { LD_PRELOAD: fixture('fastmath', '-shared', '-fPIC') } });
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    assert.equal((await floatie.scrape()).sum(`${WRITE}_count`, { cgroup: cgroup.name }), 100);
  });

  test('a Floatie that may run on one CPU only has cells for all of the machine’s', async () => {
    await using free = await startFloatie();
    await using confined = await startFloatie([], { command: ['taskset', '-c', '0', process.execPath, MAIN] });
    assert.deepEqual(cellsOf(confined), cellsOf(free));
  });

  test('32-bit system calls are told apart from the 64-bit calls with their numbers', {
    skip: missing('32-bit calls'),
  }, async () => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('compat');
    await using floatie = await startFloatie();
    cgroup.run(fixture('io'), 'compat', join(overlay.path, 'file'), '300', '200');
    const metrics = await floatie.scrape();
    assert.equal(metrics.sum(`${READ}_count`, { cgroup: cgroup.name }), 300);
    assert.equal(metrics.sum(`${WRITE}_count`, { cgroup: cgroup.name }), 200);
  });

  test('of two PID namespaces doing the same work only the chosen one is counted', {
    skip: missing('pid namespaces'),
  }, async () => {
    using overlay = mountOverlay();
    const file = join(overlay.path, 'file');
    execFileSync('truncate', ['-s', '1M', file]);
    await using chosen = await createPidNamespace();
    await using other = await createPidNamespace();
    await using floatie = await startFloatie([...chosen.only]);
    for (const { enter } of [chosen, other]) run(...enter, 'dd', `if=${file}`, 'of=/dev/null', 'bs=1', 'count=1000');
    // A namespace below the chosen one belongs to it.
    run(...chosen.enter, 'unshare', '--pid', '--fork', 'dd', `if=${file}`, 'of=/dev/null', 'bs=1', 'count=234');
    execFileSync('dd', [`if=${file}`, 'of=/dev/null', 'bs=1', 'count=500'], { stdio: 'ignore' });
    assert.equal((await floatie.scrape()).sum(`${READ}_count`), 1234);
  });

  test('kernel.cgroup counts that cgroup and those below it', async () => {
    using overlay = mountOverlay();
    await using chosen = createCgroup('chosen');
    await using below = createCgroup('below', `${chosen.name.slice(1)}/below`);
    await using other = createCgroup('other');
    await using floatie = await startFloatie(['--set', `kernel.cgroup=${chosen.name}`]);
    for (const [cgroup, count] of [
      [chosen, 30],
      [below, 4],
      [other, 500],
    ] as const) {
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', `count=${count}`);
    }
    const metrics = await floatie.scrape();
    assert.equal(metrics.sum(`${WRITE}_count`, { cgroup: chosen.name }), 30);
    assert.equal(metrics.sum(`${WRITE}_count`, { cgroup: below.name }), 4);
    assert.equal(metrics.sum(`${WRITE}_count`), 34);
  });

  test('--pid-ns-inum self counts the namespace Floatie lives in', async () => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('self');
    const file = join(overlay.path, 'file');
    await using floatie = await startFloatie(['--pid-ns-inum=self']);
    cgroup.run('dd', 'if=/dev/zero', `of=${file}`, 'bs=1', 'count=100');
    assert.equal((await floatie.scrape()).sum(`${WRITE}_count`, { cgroup: cgroup.name }), 100);
  });

  test('a PID namespace that nobody lives in counts nothing, and the log says so', async () => {
    using overlay = mountOverlay();
    await using floatie = await startFloatie(['--pid-ns-inum', '1']);
    execFileSync('dd', ['if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100'], { stdio: 'ignore' });
    assert.equal((await floatie.scrape()).sum(`${WRITE}_count`), 0);
    assert.match(String(floatie.log[0]?.message), /No process .* lives in this PID namespace/);
  });

  test('cgroups beyond --max-map-entries share one overflow series, and the total stays exact', async () => {
    using overlay = mountOverlay();
    await using namespace = await createPidNamespace();
    await using floatie = await startFloatie(['--max-map-entries', '4', ...namespace.only]);
    await using cgroups = createCgroups(10);
    for (const [index, cgroup] of cgroups.list.entries()) {
      cgroup.run(
        ...namespace.enter,
        'dd',
        'if=/dev/zero',
        `of=${join(overlay.path, `file${index}`)}`,
        'bs=1',
        'count=100',
      );
    }
    const metrics = await floatie.scrape();
    const series = metrics.select(`${WRITE}_count`);
    assert.equal(series.filter(({ labels }) => labels.cgroup !== undefined).length, 4);
    assert.deepEqual(
      series.filter(({ labels }) => labels.otel_metric_overflow === 'true').map(({ value }) => value),
      [600],
    );
    assert.equal(metrics.sum(`${WRITE}_count`), 1000);
    assert.equal(metrics.sum('floatie_overlayfs_open_latency_us_count', { otel_metric_overflow: 'true' }), 6);
    assert.equal(metrics.sum('floatie_series_overflow_total'), operationsInOverflow(metrics));
    assert.equal(metrics.sum('floatie_map_entries'), 4);
  });

  test('views that keep no attribute leave exactly the two plain histograms', async () => {
    using overlay = mountOverlay();
    const view =
      '{selector: {instrument_name: floatie_overlayfs_*_latency_us}, stream: {attribute_keys: {included: []}}}';
    await using namespace = await createPidNamespace();
    await using floatie = await startFloatie(['--set', `views=[${view}]`, '--max-map-entries=1', ...namespace.only]);
    await using cgroups = createCgroups(3);
    for (const cgroup of cgroups.list) {
      cgroup.run(...namespace.enter, 'dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    }
    const metrics = await floatie.scrape();
    assert.deepEqual(
      [READ, WRITE].map((name) => metrics.select(`${name}_count`)),
      [[{ name: `${READ}_count`, labels: {}, value: 0 }], [{ name: `${WRITE}_count`, labels: {}, value: 300 }]],
    );
  });

  test('a view with bounds of its own is counted exactly on those, beside the default ones', {
    skip: missing('fuse'),
  }, async () => {
    await using slow = await mountSlow([2000]);
    using overlay = mountOverlay(slow.path);
    await using cgroup = createCgroup('bounds');
    const views = `views=[{selector: {instrument_name: ${READ}}, stream: {aggregation: {explicit_bucket_histogram: {boundaries: [3, 10, 50, 250]}}}}, {selector: {instrument_name: ${READ}}, stream: {name: reads_us}}]`;
    await using floatie = await startFloatie(['--set', views]);
    cgroup.run(fixture('io'), 'timed', join(overlay.path, 'slow'), '100');
    const metrics = await floatie.scrape();
    const labels = { cgroup: cgroup.name };
    const bounds = metrics.select(`${READ}_bucket`, labels).map((sample) => [sample.labels.le, sample.value]);
    assert.deepEqual(bounds, [
      ['3', 0],
      ['10', 0],
      ['50', 0],
      ['250', 0],
      ['+Inf', 100],
    ]);
    assert.equal(metrics.sum('reads_us_bucket', { ...labels, le: '1024' }), 0);
    assert.equal(metrics.sum('reads_us_count', labels), 100);
  });

  test('the series of a removed cgroup end after the grace period, and its place is given to another', async () => {
    using overlay = mountOverlay();
    await using namespace = await createPidNamespace();
    const file = join(overlay.path, 'file');
    await using floatie = await startFloatie([
      '--max-map-entries=1',
      ...namespace.only,
      '--set',
      'receivers.overlayfs.expire_ms=1000',
    ]);
    const first = createCgroup('first');
    first.run(...namespace.enter, 'dd', 'if=/dev/zero', `of=${file}`, 'bs=1', 'count=100');
    assert.equal((await floatie.scrape()).sum(`${WRITE}_count`, { cgroup: first.name }), 100);
    await first.remove();
    assert.equal(
      (await floatie.scrape()).sum(`${WRITE}_count`, { cgroup: first.name }),
      100,
      'within the grace period',
    );
    await eventually('the series has ended and its place is free', async () => {
      const metrics = await floatie.scrape();
      return metrics.select(`${WRITE}_count`).length === 0 && metrics.sum('floatie_map_entries') === 0;
    });
    await using second = createCgroup('second');
    second.run(...namespace.enter, 'dd', 'if=/dev/zero', `of=${file}`, 'bs=1', 'count=7');
    const metrics = await floatie.scrape();
    assert.deepEqual(
      metrics.select(`${WRITE}_count`).map(({ labels, value }) => [labels.cgroup, value]),
      [[second.name, 7]],
    );
  });

  test('a plain series keeps what removed cgroups did', async () => {
    using overlay = mountOverlay();
    await using namespace = await createPidNamespace();
    const view = `{selector: {instrument_name: ${WRITE}}, stream: {attribute_keys: {included: []}}}`;
    await using floatie = await startFloatie([
      '--max-map-entries=1',
      ...namespace.only,
      ...['--set', `views=[${view}]`, '--set', 'receivers.overlayfs.expire_ms=1000'],
    ]);
    const first = createCgroup('first');
    first.run(...namespace.enter, 'dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    await first.remove();
    // Nobody scrapes meanwhile: the counts are taken before the place is given away.
    await eventually('its place is free', async () => (await floatie.scrape()).sum('floatie_map_entries') === 0);
    await using second = createCgroup('second');
    second.run(...namespace.enter, 'dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=7');
    assert.deepEqual(
      (await floatie.scrape()).select(`${WRITE}_count`).map(({ value }) => value),
      [107],
    );
  });
});

/** `+Inf` equals the count, and buckets never fall. */
function assertConsistent(metrics: Metrics, name: string): void {
  for (const { labels, value } of metrics.select(`${name}_count`)) {
    const buckets = metrics.select(`${name}_bucket`, labels).map((sample) => sample.value);
    assert.equal(buckets.at(-1), value);
    assert.deepEqual(
      buckets,
      buckets.toSorted((a, b) => a - b),
    );
  }
}

function createCgroups(count: number) {
  const list = Array.from({ length: count }, () => createCgroup('many'));
  return {
    list,
    async [Symbol.asyncDispose]() {
      for (const cgroup of list) await cgroup.remove();
    },
  };
}

/** How many entries the array of cells has. */
function cellsOf({ process: { pid = 0 } }: Floatie): number[] {
  return mapsOf(pid).flatMap(({ name, max_entries }) => (name === 'cells' ? [max_entries] : []));
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'ignore' });
}
