import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  AggregationTemporality,
  type DataPoint,
  type ExponentialHistogram,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import { exponentialBoundsNs } from '../../src/metrics/exponential.ts';
import { KernelHistogram } from '../../src/metrics/histogram.ts';
import type { Form } from '../../src/metrics/metric-data.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { MetricRegistry } from '../../src/metrics/registry.ts';
import { exemplar } from '../support/metric-data.ts';
import { collect, FakeSource, LATENCY, latencies, named, registryOf, view } from './counts.ts';

const SCRAPED: Form = { temporality: AggregationTemporality.CUMULATIVE, lazy: true };
const NATIVE = { maxScale: 2, maxSize: 160 };

async function pointOf(registry: MetricRegistry, form: Form): Promise<DataPoint<unknown>> {
  const [point] = named(await collect(createProducer(registry, form)), LATENCY.name).dataPoints;
  assert.ok(point);
  return point;
}

async function histogramOf(registry: MetricRegistry, form: Form): Promise<KernelHistogram> {
  const { value } = await pointOf(registry, form);
  assert.ok(value instanceof KernelHistogram);
  return value;
}

/** With a grid that has the bounds of an exponential histogram. */
function exponentialRegistry(): MetricRegistry {
  const registry = new MetricRegistry([]);
  const source = new FakeSource();
  const gridNs = exponentialBoundsNs(NATIVE.maxScale);
  registry.addSource(source, { gridNs, defaultBounds: [] });
  source.samples = [
    latencies(
      '1',
      { cgroup: '/a' },
      5000,
      [...gridNs, 0].map((_, bucket) => bucket % 7),
    ),
  ];
  return registry;
}

suite('a histogram for a scrape', () => {
  test('has the sum, the count and the buckets that other readers get', async () => {
    const { registry, source } = registryOf();
    source.samples = [latencies('1', { cgroup: '/a' }, 5000, [1, 2, 3, 4, 5])];
    const { sum, count, buckets } = await histogramOf(registry, SCRAPED);
    const other = await pointOf(registry, { temporality: AggregationTemporality.CUMULATIVE });
    assert.deepEqual({ sum, count, buckets }, other.value);
  });

  test('stays as it was collected while the kernel counts on', async () => {
    const { registry, source } = registryOf();
    source.samples = [latencies('1', { cgroup: '/a' }, 5000, [1, 2, 3, 4, 5])];
    const before = await histogramOf(registry, SCRAPED);
    source.samples = [latencies('1', { cgroup: '/a' }, 9000, [9, 9, 9, 9, 9])];
    const after = await histogramOf(registry, SCRAPED);
    assert.deepEqual([before.count, before.buckets.counts, after.count], [15, [1, 2, 3, 4, 5], 45]);
  });

  test('has the exemplars of its series when it was collected, in the unit of its view', async () => {
    for (const [unit, expected] of [
      ['us', 5_000_000],
      ['s', 5],
    ] as const) {
      const { registry, source } = registryOf(view(LATENCY, unit === 's' ? { unit } : {}));
      const sample = latencies('1', { cgroup: '/a' }, 5000, [1, 2, 3, 4, 5]);
      source.samples = [{ ...sample, member: { ...sample.member, exemplars: [exemplar(5_000_000)] } }];
      const { exemplars } = await histogramOf(registry, SCRAPED);
      source.samples = [sample];
      await histogramOf(registry, SCRAPED);
      assert.deepEqual(
        exemplars.map(({ value }) => value),
        [expected],
      );
    }
  });

  test('is exact where counts need more than 32 bits', async () => {
    const { registry, source } = registryOf();
    const counts = [0, 2 ** 32 + 1, 3, 2 ** 53 - 1, 0];
    source.samples = [latencies('1', { cgroup: '/a' }, 5000, counts), latencies('2', { cgroup: '/b' }, 0, counts)];
    const { dataPoints } = named(await collect(createProducer(registry, SCRAPED)), LATENCY.name);
    for (const { value } of dataPoints) assert.deepEqual((value as Histogram).buckets.counts, counts);
  });

  test('is in a list that can be read as any other', async () => {
    const { registry, source } = registryOf();
    source.samples = ['a', 'b', 'c'].map((name, at) =>
      latencies(name, { cgroup: name }, 0, [0, at, 1, 0, 0], [100 + at, 0]),
    );
    const { dataPoints } = named(await collect(createProducer(registry, SCRAPED)), LATENCY.name);
    const expected = [1, 2, 3];
    assert.ok(Array.isArray(dataPoints));
    assert.deepEqual([dataPoints.length, dataPoints[3]], [3, undefined]);
    assert.deepEqual(
      [...dataPoints].map(({ value }) => (value as Histogram).count),
      expected,
    );
    assert.deepEqual(
      dataPoints.map(({ value }) => (value as Histogram).count),
      expected,
    );
    assert.deepEqual(
      dataPoints.map(({ startTime }) => startTime[0]),
      [100, 101, 102],
    );
  });

  test('shares its boundaries with all others of its stream', async () => {
    const { registry, source } = registryOf();
    source.samples = [
      latencies('1', { cgroup: '/a' }, 0, [1, 0, 0, 0, 0]),
      latencies('2', { cgroup: '/b' }, 0, [1, 0, 0, 0, 0]),
    ];
    const data = named(await collect(createProducer(registry, SCRAPED)), LATENCY.name);
    const [a, b] = data.dataPoints.map(({ value }) => (value as Histogram).buckets.boundaries);
    assert.equal(a, b);
  });

  test('has the same attributes object at each collection', async () => {
    const { registry, source } = registryOf(view(LATENCY, { attribute_keys: { included: ['cgroup'] } }));
    source.samples = [latencies('1', { cgroup: '/a' }, 0, [1, 0, 0, 0, 0])];
    const before = await pointOf(registry, SCRAPED);
    source.samples = [latencies('1', { cgroup: '/a' }, 0, [2, 0, 0, 0, 0])];
    assert.equal((await pointOf(registry, SCRAPED)).attributes, before.attributes);
  });

  test('is exponential besides, as over OTLP, for a reader of native histograms', async () => {
    const registry = exponentialRegistry();
    const { exponential } = await histogramOf(registry, { ...SCRAPED, native: NATIVE });
    const other = await pointOf(registry, { temporality: AggregationTemporality.CUMULATIVE, exponential: NATIVE });
    assert.deepEqual(exponential, other.value as ExponentialHistogram);
  });

  test('is not exponential without native histograms, or with bounds of a view', async () => {
    const { registry, source } = registryOf(
      view(LATENCY, { aggregation: { explicit_bucket_histogram: { boundaries: [2, 8] } } }),
    );
    source.samples = [latencies('1', { cgroup: '/a' }, 5000, [1, 2, 3, 4, 5])];
    const bounded = await histogramOf(registry, { ...SCRAPED, native: NATIVE });
    const off = await histogramOf(exponentialRegistry(), SCRAPED);
    assert.deepEqual([bounded.exponential, off.exponential], [undefined, undefined]);
  });
});
