import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { HrTime } from '@opentelemetry/api';
import { hrTime } from '@opentelemetry/core';
import { AggregationTemporality, type MetricProducer } from '@opentelemetry/sdk-metrics';
import { createProducer } from '../../src/metrics/producer.ts';
import { MetricRegistry } from '../../src/metrics/registry.ts';
import {
  collect,
  ERRORS,
  errors,
  FakeSource,
  GRID,
  GRID_US,
  LATENCY,
  latencies,
  named,
  registryOf,
  startsOf,
  valuesOf,
  view,
} from './counts.ts';

const A = { cgroup: '/a' };
const B = { cgroup: '/b' };

async function errorsOf(producer: MetricProducer): Promise<Record<string, number>> {
  return valuesOf(named(await collect(producer), ERRORS.name));
}

suite('a cumulative reader', () => {
  test('gets the total each time, moved or not', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE });
    source.samples = [errors('1', A, 3)];
    assert.deepEqual([await errorsOf(producer), await errorsOf(producer)], [{ 'cgroup=/a': 3 }, { 'cgroup=/a': 3 }]);
  });

  test('is told that its points are cumulative', async () => {
    const { registry } = registryOf();
    const metrics = await collect(createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE }));
    assert.ok(metrics.every((metric) => metric.aggregationTemporality === AggregationTemporality.CUMULATIVE));
  });

  test('sees a new start time when a new cgroup takes an old place', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE });
    source.samples = [errors('1.0', A, 3, [100, 0])];
    await collect(producer);
    registry.end(source.samples);
    source.samples = [errors('1.1', A, 1, [300, 0])];
    assert.deepEqual(startsOf(named(await collect(producer), ERRORS.name)), { 'cgroup=/a': [300, 0] });
  });
});

suite('a delta reader', () => {
  const deltaOf = (...views: Parameters<typeof registryOf>) => {
    const { registry, source } = registryOf(...views);
    return { registry, source, producer: createProducer(registry, { temporality: AggregationTemporality.DELTA }) };
  };

  test('gets everything counted so far at its first collection', async () => {
    const { source, producer } = deltaOf();
    source.samples = [errors('1', A, 3)];
    assert.deepEqual(await errorsOf(producer), { 'cgroup=/a': 3 });
  });

  test('gets only what came since its last collection', async () => {
    const { source, producer } = deltaOf();
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    source.samples = [errors('1', A, 10)];
    assert.deepEqual(await errorsOf(producer), { 'cgroup=/a': 7 });
  });

  test('gets no point where nothing happened', async () => {
    const { source, producer } = deltaOf();
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    assert.deepEqual(await errorsOf(producer), {});
  });

  test('gets the difference of every bucket', async () => {
    const { source, producer } = deltaOf();
    source.samples = [latencies('1', A, 5000, [1, 2, 3, 4, 5])];
    await collect(producer);
    source.samples = [latencies('1', A, 7000, [1, 3, 3, 4, 7])];
    const { dataPoints } = named(await collect(producer), LATENCY.name);
    assert.deepEqual(dataPoints[0]?.value, {
      sum: 2,
      count: 3,
      buckets: { boundaries: GRID_US, counts: [0, 1, 0, 0, 2] },
    });
  });

  test('is told that its points are deltas', async () => {
    const metrics = await collect(deltaOf().producer);
    assert.ok(metrics.every((metric) => metric.aggregationTemporality === AggregationTemporality.DELTA));
  });

  test('sees each point start where the one before it ended', async () => {
    const { source, producer } = deltaOf();
    source.samples = [errors('1', A, 3)];
    const first = named(await collect(producer), ERRORS.name);
    source.samples = [errors('1', A, 4)];
    const second = named(await collect(producer), ERRORS.name);
    assert.deepEqual(second.dataPoints[0]?.startTime, first.dataPoints[0]?.endTime);
  });

  test('still gets the last counts of a series that ended in between', async () => {
    const { registry, source, producer } = deltaOf();
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    source.samples = [];
    registry.end([errors('1', A, 8)]);
    assert.deepEqual(await errorsOf(producer), { 'cgroup=/a': 5 });
  });

  test('gets them only once', async () => {
    const { registry, source, producer } = deltaOf();
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    source.samples = [];
    registry.end([errors('1', A, 8)]);
    await collect(producer);
    assert.deepEqual(await errorsOf(producer), {});
  });

  test('gets a series that began and ended between two collections', async () => {
    const { registry, producer } = deltaOf();
    await collect(producer);
    registry.end([errors('1', A, 8)]);
    assert.deepEqual(await errorsOf(producer), { 'cgroup=/a': 8 });
  });

  test('made before the receivers are there gets those last counts, too', async () => {
    const registry = new MetricRegistry([]);
    const producer = createProducer(registry, { temporality: AggregationTemporality.DELTA });
    registry.addSource(new FakeSource(), GRID);
    registry.end([errors('1', A, 8)]);
    assert.deepEqual(await errorsOf(producer), { 'cgroup=/a': 8 });
  });

  test('sees all of a new cgroup in an old place, from its own start', async () => {
    const { registry, source, producer } = deltaOf();
    source.samples = [errors('1.0', A, 5)];
    await collect(producer);
    registry.end(source.samples);
    source.samples = [errors('1.1', A, 2, [300, 0])];
    const data = named(await collect(producer), ERRORS.name);
    assert.deepEqual([valuesOf(data), startsOf(data)], [{ 'cgroup=/a': 2 }, { 'cgroup=/a': [300, 0] }]);
  });

  test('is not given two points of one series that overlap in time', async () => {
    const { registry, source, producer } = deltaOf(view(ERRORS, { attribute_keys: { included: ['op'] } }));
    source.samples = [errors('1', { op: 'read', ...A }, 5)];
    await collect(producer);
    registry.end([errors('1', { op: 'read', ...A }, 6)]);
    source.samples = [errors('2', { op: 'read', ...B }, 2, hrTime())];
    const { dataPoints } = named(await collect(producer), ERRORS.name);
    const spans = dataPoints.map(({ startTime, endTime }) => [toNs(startTime), toNs(endTime)] as const);
    const overlapping = spans.some(([start], index) => spans.slice(0, index).some(([, end]) => start < end));
    assert.ok(!overlapping, `${spans.length} points with the same attributes share some time`);
  });

  test('does not take anything from another delta reader', async () => {
    const { registry, source, producer } = deltaOf();
    const other = createProducer(registry, { temporality: AggregationTemporality.DELTA });
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    source.samples = [errors('1', A, 5)];
    await collect(producer);
    assert.deepEqual(await errorsOf(other), { 'cgroup=/a': 5 });
  });

  test('shares the last counts of an ended series with every other reader', async () => {
    const { registry, producer } = deltaOf();
    const other = createProducer(registry, { temporality: AggregationTemporality.DELTA });
    registry.end([errors('1', A, 8)]);
    await collect(producer);
    assert.deepEqual(await errorsOf(other), { 'cgroup=/a': 8 });
  });

  test('leaves a cumulative reader its totals', async () => {
    const { registry, source, producer } = deltaOf();
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    assert.deepEqual(await errorsOf(createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE })), {
      'cgroup=/a': 3,
    });
  });
});

suite('a reader that is low on memory', () => {
  test('gets deltas of histograms, and totals of counters', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: AggregationTemporality.DELTA, lowMemory: true });
    source.samples = [errors('1', A, 3)];
    const metrics = await collect(producer);
    assert.deepEqual(
      [LATENCY.name, ERRORS.name].map((name) => named(metrics, name).aggregationTemporality),
      [AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE],
    );
    assert.deepEqual(await errorsOf(producer), { 'cgroup=/a': 3 });
  });
});

for (const temporality of [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA]) {
  suite(`with ${AggregationTemporality[temporality]} temporality, a source that throws`, () => {
    class BrokenSource extends FakeSource {
      override readonly metrics = [];
      override read(): never {
        throw new Error('broken');
      }
    }

    const broken = () => {
      const { registry, source } = registryOf();
      registry.addSource(new BrokenSource());
      source.samples = [errors('1', A, 3)];
      return createProducer(registry, { temporality });
    };

    test('is one error of the collection, which does not reject', async () => {
      assert.equal((await broken().collect()).errors.length, 1);
    });

    test('does not take the metrics of the others with it', async () => {
      const { resourceMetrics } = await broken().collect();
      const metrics = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
      assert.deepEqual(valuesOf(named(metrics, ERRORS.name)), { 'cgroup=/a': 3 });
    });
  });
}

function toNs([seconds, nanoseconds]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}
