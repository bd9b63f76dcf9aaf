import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AggregationTemporality, DataPointType, type ExponentialHistogram } from '@opentelemetry/sdk-metrics';
import { MAX_BOUNDS } from '../../src/metrics/buckets.ts';
import { exponentialBoundsNs, toExponential } from '../../src/metrics/exponential.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { MetricRegistry } from '../../src/metrics/registry.ts';
import { collect, FakeSource, LATENCY, latencies, named } from './counts.ts';

/** What the kernel counts: each duration in the first bucket whose bound is not below it. */
function countsOf(boundsNs: readonly number[], durationsNs: readonly number[]): number[] {
  const counts = new Array<number>(boundsNs.length + 1).fill(0);
  for (const ns of durationsNs) {
    const bucket = boundsNs.findIndex((bound) => ns <= bound);
    const at = bucket < 0 ? boundsNs.length : bucket;
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

/** The index that OpenTelemetry's data model gives a value, with base 2^(2^-scale): exclusive below, inclusive above. */
function indexOf(us: number, scale: number): number {
  return Math.ceil(Math.log2(us) * 2 ** scale) - 1;
}

function bucketsOf({ scale, positive }: ExponentialHistogram): Record<number, number> {
  assert.ok(Number.isInteger(scale));
  return Object.fromEntries(
    positive.bucketCounts.flatMap((count, at) => (count > 0 ? [[positive.offset + at, count]] : [])),
  );
}

// Deterministic, from 32 ns to a minute; and the edges of buckets.
const DURATIONS = [
  ...Array.from({ length: 500 }, (_, i) => Math.floor(32 * 2 ** ((i * 30.8) / 500)) + (i % 7)),
  ...[1000, 1001, 2000, 2001, 4_000_000, 4_000_001, 999, 1999],
];

suite('an exponential histogram', () => {
  for (const scale of [3, 2, 1, 0, -1, -2, -4]) {
    test(`at scale ${scale} has each duration in the bucket that the data model gives it`, () => {
      const bounds = exponentialBoundsNs(scale);
      const histogram = toExponential(countsOf(bounds, DURATIONS), 0, { maxScale: scale, maxSize: 320 });
      const expected: Record<number, number> = {};
      for (const ns of DURATIONS) {
        const index = indexOf(ns / 1000, scale);
        expected[index] = (expected[index] ?? 0) + 1;
      }
      assert.equal(histogram.scale, scale);
      assert.deepEqual(bucketsOf(histogram), expected);
      assert.equal(histogram.count, DURATIONS.length);
    });
  }

  test('is the same of counts without those before the first one that is not 0', () => {
    const counts = countsOf(exponentialBoundsNs(3), DURATIONS);
    const first = counts.findIndex((count) => count !== 0);
    const options = { maxScale: 3, maxSize: 40 };
    assert.deepEqual(toExponential(counts.slice(first), 0, options, first), toExponential(counts, 0, options));
  });

  test('that needs more buckets than it may have gets wider ones, as few as will do', () => {
    const bounds = exponentialBoundsNs(3);
    const histogram = toExponential(countsOf(bounds, DURATIONS), 0, { maxScale: 3, maxSize: 40 });
    const expected: Record<number, number> = {};
    for (const ns of DURATIONS) {
      const index = indexOf(ns / 1000, histogram.scale);
      expected[index] = (expected[index] ?? 0) + 1;
    }
    assert.equal(histogram.scale, 0);
    assert.deepEqual(bucketsOf(histogram), expected);
  });

  test('of nothing has no bucket', () => {
    const { count, positive, zeroCount } = toExponential([0, 0, 0], 0, { maxScale: 3, maxSize: 160 });
    assert.deepEqual(
      { count, positive, zeroCount },
      { count: 0, positive: { offset: 0, bucketCounts: [] }, zeroCount: 0 },
    );
  });

  test('has what is beyond all bounds in the last bucket', () => {
    const bounds = exponentialBoundsNs(0);
    const { positive } = toExponential(countsOf(bounds, [1e15]), 0, { maxScale: 0, maxSize: 160 });
    assert.deepEqual(positive, { offset: 27, bucketCounts: [1] });
  });

  test('fits into the kernel’s grid at the finest scale, beside the default bounds', () => {
    assert.ok(exponentialBoundsNs(3).length + 200 <= MAX_BOUNDS);
  });
});

suite('a reader that wants exponential histograms', () => {
  const grid = { gridNs: exponentialBoundsNs(3), defaultBounds: [1, 1000] };
  const sample = (durations: number[]) =>
    latencies(
      '1',
      { cgroup: '/a' },
      durations.reduce((a, b) => a + b),
      countsOf(grid.gridNs, durations),
    );

  test('gets them, while another keeps the explicit ones', async () => {
    const registry = new MetricRegistry([]);
    const source = new FakeSource();
    registry.addSource(source, {
      ...grid,
      gridNs: [...new Set([...grid.gridNs, 1000, 1_000_000])].sort((a, b) => a - b),
    });
    const durations = [900, 1500, 2_000_000];
    const boundsNs = [...new Set([...grid.gridNs, 1000, 1_000_000])].sort((a, b) => a - b);
    source.samples = [latencies('1', {}, 2_002_400, countsOf(boundsNs, durations))];
    const temporality = AggregationTemporality.CUMULATIVE;
    const exponential = { maxScale: 3, maxSize: 160 };
    const [explicit, other] = await Promise.all(
      [createProducer(registry, { temporality }), createProducer(registry, { temporality, exponential })].map(collect),
    );
    const a = named(explicit ?? [], LATENCY.name);
    const b = named(other ?? [], LATENCY.name);
    assert.deepEqual(
      [a.dataPointType, b.dataPointType],
      [DataPointType.HISTOGRAM, DataPointType.EXPONENTIAL_HISTOGRAM],
    );
    const value = b.dataPoints[0]?.value as ExponentialHistogram;
    assert.deepEqual([value.count, value.sum], [3, 2002.4]);
    assert.deepEqual(a.dataPoints[0]?.value, {
      sum: 2002.4,
      count: 3,
      buckets: { boundaries: [1, 1000], counts: [1, 1, 1] },
    });
  });

  test('gets deltas of them', async () => {
    const registry = new MetricRegistry([]);
    const source = new FakeSource();
    registry.addSource(source, grid);
    const producer = createProducer(registry, {
      temporality: AggregationTemporality.DELTA,
      exponential: { maxScale: 3, maxSize: 160 },
    });
    source.samples = [sample([1000])];
    await collect(producer);
    source.samples = [sample([1000, 5000])];
    const { dataPoints } = named(await collect(producer), LATENCY.name);
    assert.deepEqual(bucketsOf(dataPoints[0]?.value as ExponentialHistogram), { [indexOf(5, 3)]: 1 });
  });
});
