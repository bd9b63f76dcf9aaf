import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AggregationTemporality, DataPointType, type Histogram } from '@opentelemetry/sdk-metrics';
import { createProducer } from '../../src/metrics/producer.ts';
import type { Sample } from '../../src/metrics/registry.ts';
import {
  collect,
  ERRORS,
  errors,
  FakeSource,
  GRID_US,
  LATENCY,
  latencies,
  named,
  registryOf,
  valuesOf,
  view,
} from './counts.ts';

const A = { cgroup: '/a', 'container.id': 'a' };
const B = { cgroup: '/b' };

async function collectWith(views: Parameters<typeof registryOf>, samples: Sample[]) {
  const { registry, source } = registryOf(...views);
  source.samples = samples;
  return collect(createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE }));
}

async function histogramOf(views: Parameters<typeof registryOf>, samples: Sample[]): Promise<Histogram> {
  const { dataPoints } = named(await collectWith(views, samples), LATENCY.name);
  assert.equal(dataPoints.length, 1);
  return dataPoints[0]?.value as Histogram;
}

suite('a histogram of the kernel', () => {
  test('has the bounds of the receiver where no view says otherwise', async () => {
    const { buckets } = await histogramOf([], [latencies('1', A, 0, [1, 0, 0, 0, 0])]);
    assert.deepEqual(buckets.boundaries, GRID_US);
  });

  test('has one bucket more than bounds, with the counts of the kernel', async () => {
    const { buckets } = await histogramOf([], [latencies('1', A, 0, [1, 2, 3, 4, 5])]);
    assert.deepEqual(buckets.counts, [1, 2, 3, 4, 5]);
  });

  test('counts what is in all its buckets', async () => {
    assert.equal((await histogramOf([], [latencies('1', A, 0, [1, 2, 3, 4, 5])])).count, 15);
  });

  test('sums in microseconds', async () => {
    assert.equal((await histogramOf([], [latencies('1', A, 1_234_567, [1, 0, 0, 0, 0])])).sum, 1234.567);
  });

  test('folds exactly into the coarser bounds of a view', async () => {
    const coarse = view(LATENCY, { aggregation: { explicit_bucket_histogram: { boundaries: [2, 8] } } });
    const { buckets } = await histogramOf([coarse], [latencies('1', A, 0, [1, 10, 100, 1000, 10_000])]);
    assert.deepEqual(buckets, { boundaries: [2, 8], counts: [11, 1100, 10_000] });
  });

  test('that a reader has been given does not change afterwards', async () => {
    const { registry, source } = registryOf();
    source.samples = [latencies('1', A, 1000, [1, 0, 0, 0, 0])];
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE });
    const before = named(await collect(producer), LATENCY.name);
    source.samples = [latencies('1', A, 9000, [9, 0, 0, 0, 0])];
    await collect(producer);
    assert.deepEqual(valuesOf(before), { 'cgroup=/a,container.id=a': 1 });
  });

  test('describes itself as the catalogue does', async () => {
    const { descriptor, dataPointType } = named(await collectWith([], []), LATENCY.name);
    assert.deepEqual(
      [descriptor.name, descriptor.unit, descriptor.description, dataPointType],
      [LATENCY.name, LATENCY.unit, LATENCY.description, DataPointType.HISTOGRAM],
    );
  });
});

suite('a counter of the kernel', () => {
  test('is a monotonic sum', async () => {
    const data = named(await collectWith([], [errors('1', A, 3)]), ERRORS.name);
    assert.ok(data.dataPointType === DataPointType.SUM && data.isMonotonic);
  });

  test('is there, without series, before anything is counted', async () => {
    assert.deepEqual(named(await collectWith([], []), ERRORS.name).dataPoints, []);
  });
});

suite('a view of a kernel metric', () => {
  const samples = [errors('1', { op: 'read', ...A }, 3), errors('2', { op: 'read', ...B }, 4)];

  test('renames it', async () => {
    const metrics = await collectWith([view(ERRORS, { name: 'failed_total' })], samples);
    assert.deepEqual(
      metrics.map(({ descriptor }) => descriptor.name),
      ['failed_total', LATENCY.name],
    );
  });

  test('gives it another description', async () => {
    const metrics = await collectWith([view(ERRORS, { description: 'What failed' })], samples);
    assert.equal(named(metrics, ERRORS.name).descriptor.description, 'What failed');
  });

  test('keeps only the attributes it includes', async () => {
    const metrics = await collectWith([view(ERRORS, { attribute_keys: { included: ['op'] } })], samples);
    assert.deepEqual(valuesOf(named(metrics, ERRORS.name)), { 'op=read': 7 });
  });

  test('leaves out the attributes it excludes', async () => {
    const metrics = await collectWith([view(ERRORS, { attribute_keys: { excluded: ['cgroup', 'op'] } })], samples);
    assert.deepEqual(valuesOf(named(metrics, ERRORS.name)), { 'container.id=a': 3, '': 4 });
  });

  test('that includes nothing leaves one plain series, at zero before anything is counted', async () => {
    const metrics = await collectWith([view(ERRORS, { attribute_keys: { included: [] } })], []);
    assert.deepEqual(valuesOf(named(metrics, ERRORS.name)), { '': 0 });
  });

  test('that includes nothing leaves a plain histogram with all its buckets at zero', async () => {
    const { count, buckets } = await histogramOf([view(LATENCY, { attribute_keys: { included: [] } })], []);
    assert.deepEqual([count, buckets.counts], [0, [0, 0, 0, 0, 0]]);
  });

  test('drops it', async () => {
    const metrics = await collectWith([view(ERRORS, { aggregation: { drop: {} } })], samples);
    assert.deepEqual(
      metrics.map(({ descriptor }) => descriptor.name),
      [LATENCY.name],
    );
  });

  test('limits its series', async () => {
    const metrics = await collectWith([view(ERRORS, { aggregation_cardinality_limit: 1 })], samples);
    assert.deepEqual(valuesOf(named(metrics, ERRORS.name)), { 'otel.metric.overflow=true': 7 });
  });

  test('beside another makes a stream of its own', async () => {
    const metrics = await collectWith(
      [
        view(ERRORS, { name: 'by_op_total', attribute_keys: { included: ['op'] } }),
        view(ERRORS, { name: 'all_total', attribute_keys: { included: [] } }),
      ],
      samples,
    );
    assert.deepEqual(
      [valuesOf(named(metrics, 'by_op_total')), valuesOf(named(metrics, 'all_total'))],
      [{ 'op=read': 7 }, { '': 7 }],
    );
  });
});

suite('a member that ended', () => {
  test('is in no later collection', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE });
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    source.samples = [];
    registry.end([errors('1', A, 3)]);
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), {});
  });

  test('leaves what it counted since the last collection in a series that stays', async () => {
    const { registry, source } = registryOf(view(ERRORS, { attribute_keys: { included: [] } }));
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE });
    source.samples = [errors('1', A, 3)];
    await collect(producer);
    source.samples = [];
    registry.end([errors('1', A, 5)]);
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), { '': 5 });
  });

  test('that nobody ever collected counts in a series that stays', async () => {
    const { registry } = registryOf(view(ERRORS, { attribute_keys: { included: [] } }));
    registry.end([errors('1', A, 5)]);
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE });
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), { '': 5 });
  });
});

suite('a source that cannot be read', () => {
  class BrokenSource extends FakeSource {
    override readonly metrics = [];
    override read(): Sample[] {
      throw new Error('the map is closed');
    }
  }

  test('does not keep the others from being read', () => {
    const { registry, source } = registryOf(view(ERRORS, { attribute_keys: { included: [] } }));
    registry.addSource(new BrokenSource());
    source.samples = [errors('1', A, 3)];
    assert.throws(() => registry.refresh());
    const [state] = registry.states();
    assert.deepEqual(
      Array.from(state?.store.values() ?? [], ({ totals }) => totals[0]),
      [3],
    );
  });

  test('is reported with its reason', () => {
    const { registry } = registryOf();
    registry.addSource(new BrokenSource());
    assert.throws(
      () => registry.refresh(),
      (error) => error instanceof AggregateError && /the map is closed/.test(String(error.errors)),
    );
  });
});
