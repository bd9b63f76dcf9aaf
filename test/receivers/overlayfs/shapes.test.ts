/** Every operation through the whole engine: views, exponential and native histograms, temporality, the end of series. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  AggregationTemporality,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { viewOptions } from '../../../src/config/view-options.ts';
import { Cgroups } from '../../../src/containers/cgroups.ts';
import { identify } from '../../../src/containers/identity.ts';
import { toNs, unionOfBounds } from '../../../src/metrics/buckets.ts';
import { exponentialBoundsNs } from '../../../src/metrics/exponential.ts';
import { createProducer } from '../../../src/metrics/producer.ts';
import { MetricRegistry } from '../../../src/metrics/registry.ts';
import type { CgroupTotals } from '../../../src/receivers/overlayfs/counts.ts';
import { latencyOf, metrics } from '../../../src/receivers/overlayfs/metrics.ts';
import { OPERATIONS, OPS, type Op } from '../../../src/receivers/overlayfs/operations.ts';
import type { OverlayfsReceiver } from '../../../src/receivers/overlayfs/receiver.ts';
import { OverlayfsSource } from '../../../src/receivers/overlayfs/source.ts';
import { collect, labels, named, valuesOf, view } from '../../metrics/counts.ts';
import { nothingDone } from '../../support/operation-totals.ts';

const OPTIONS = { maxScale: 3, maxSize: 160 };
const BOUNDS_US = [1, 64, 4096];
const GRID_NS = unionOfBounds([BOUNDS_US.map(toNs), [toNs(500)], exponentialBoundsNs(OPTIONS.maxScale)]);

/** As the kernel counts them: 700 ns, 100 µs and 1 ms, times what is asked for. */
const TOOK_NS = [700, 100_000, 1_000_000];

function did(times: number, counters: object = {}) {
  const { buckets, ...nothing } = nothingDone(GRID_NS.length + 1);
  const counts = buckets.map((_, at) => {
    const isIn = (ns: number): boolean =>
      ns > (GRID_NS[at - 1] ?? 0) && ns <= (GRID_NS[at] ?? Number.POSITIVE_INFINITY);
    return times * TOOK_NS.filter(isIn).length;
  });
  return { ...nothing, sumNs: times * TOOK_NS.reduce((sum, ns) => sum + ns), buckets: counts, ...counters };
}

function engine(operations: CgroupTotals['operations'], ...views: Parameters<typeof viewOptions>[0]) {
  const kernel = { one: { key: '1.0', cgroupId: 1n, bornNs: 0, operations }, gone: [] as CgroupTotals[] };
  const receiver = {
    each: () => (kernel.gone.length > 0 ? [] : [kernel.one]),
    retire: () => kernel.gone,
    isBanished: () => false,
  } as unknown as OverlayfsReceiver;
  const source = new OverlayfsSource(receiver, new Cgroups(null, () => identify('/app')));
  const registry = new MetricRegistry(viewOptions(views));
  registry.addSource(source, { gridNs: GRID_NS, defaultBounds: BOUNDS_US });
  return { kernel, source, registry };
}

/** Of the first series. */
function firstOf<T>({ dataPoints }: MetricData): T {
  return dataPoints[0]?.value as T;
}

const { CUMULATIVE: cumulative, DELTA: delta } = AggregationTemporality;

for (const { op, latency, attributes = {} } of OPERATIONS) {
  const series = labels({ ...attributes, cgroup: '/app' });
  const only = (times: number, counters = {}): CgroupTotals['operations'] => ({ [op]: did(times, counters) });

  suite(op, () => {
    test('has the buckets of the configuration, and one series', async () => {
      const { registry } = engine(only(2));
      const data = named(await collect(createProducer(registry, { temporality: cumulative })), latency.name);
      assert.deepEqual(valuesOf(data), { [series]: 6 });
      assert.deepEqual(firstOf<Histogram>(data).buckets.counts, [2, 0, 4, 0]);
      assert.equal(firstOf<Histogram>(data).sum, 2 * 1100.7);
    });

    test('has the bounds of a view', async () => {
      const aggregation = { explicit_bucket_histogram: { boundaries: [500] } };
      const { registry } = engine(only(1), view(latency, { aggregation }));
      const data = named(await collect(createProducer(registry, { temporality: cumulative })), latency.name);
      assert.deepEqual(firstOf<Histogram>(data).buckets.counts, [2, 1]);
    });

    test('has exact exponential buckets', async () => {
      const { registry } = engine(only(3));
      const producer = createProducer(registry, { temporality: cumulative, exponential: OPTIONS });
      const data = named(await collect(producer), latency.name);
      const { scale, positive, count } = firstOf<ExponentialHistogram>(data);
      const buckets = positive.bucketCounts.flatMap((count, at) => (count > 0 ? [[positive.offset + at, count]] : []));
      const expected = TOOK_NS.map((ns) => [Math.ceil(Math.log2(ns / 1000) * 2 ** scale) - 1, 3]);
      assert.deepEqual([count, buckets], [9, expected]);
    });

    test('has the difference for a reader of deltas', async () => {
      const { registry, kernel } = engine(only(2, { EIO: 1 }));
      const producer = createProducer(registry, { temporality: delta });
      await collect(producer);
      kernel.one = { ...kernel.one, operations: only(5, { EIO: 4 }) };
      const data = await collect(producer);
      assert.deepEqual(valuesOf(named(data, latency.name)), { [series]: 9 });
      assert.deepEqual(valuesOf(named(data, metrics.errors.name)), { [`cgroup=/app,error_type=EIO,op=${op}`]: 3 });
    });

    test('ends with its cgroup, after its last counts', async () => {
      const { registry, kernel, source } = engine(only(2, { bytes: 10 }));
      const producer = createProducer(registry, { temporality: cumulative });
      const deltas = createProducer(registry, { temporality: delta });
      for (const reader of [producer, deltas]) await collect(reader);
      kernel.gone = [{ ...kernel.one, operations: only(3, { bytes: 30 }) }];
      registry.end(source.retire());
      const last = await collect(deltas);
      assert.deepEqual(valuesOf(named(last, latency.name)), { [series]: 3 });
      assert.deepEqual(valuesOf(named(last, metrics.bytes.name)), { [`cgroup=/app,op=${op}`]: 20 });
      for (const { dataPoints } of await collect(producer)) assert.equal(dataPoints.length, 0);
    });
  });
}

suite('operations of one histogram', () => {
  const all = Object.fromEntries(OPS.map((op) => [op, did(1)])) as CgroupTotals['operations'];
  const inOne = Map.groupBy(OPS, (op: Op) => latencyOf[op]);

  for (const [latency, ops] of inOne) {
    test(`are added up where a view drops what tells them apart: ${latency.name}`, async () => {
      const { registry } = engine(all, view(latency, { attribute_keys: { included: ['cgroup'] } }));
      const data = named(await collect(createProducer(registry, { temporality: cumulative })), latency.name);
      assert.deepEqual(valuesOf(data), { 'cgroup=/app': 3 * ops.length });
    });

    test(`count beyond a view's limit of series as the overflow: ${latency.name}`, async () => {
      const { registry } = engine(all, view(latency, { aggregation_cardinality_limit: 1 }));
      const data = named(await collect(createProducer(registry, { temporality: cumulative })), latency.name);
      assert.equal(
        Object.values(valuesOf(data)).reduce((sum, count) => sum + count),
        3 * ops.length,
      );
      assert.equal(data.dataPoints.length, 1);
    });
  }
});
