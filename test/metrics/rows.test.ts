import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AggregationTemporality, type Histogram } from '@opentelemetry/sdk-metrics';
import { createProducer } from '../../src/metrics/producer.ts';
import { Rows } from '../../src/metrics/rows.ts';
import { collect, ERRORS, errors, LATENCY, latencies, named, registryOf, valuesOf } from './counts.ts';

const { CUMULATIVE, DELTA } = AggregationTemporality;

suite('a row', () => {
  test('is zero when it is taken, also the second time', () => {
    const rows = new Rows(3);
    const row = rows.take();
    row.set([1, 2, 3]);
    rows.give(row);
    assert.deepEqual(Array.from(rows.take()), [0, 0, 0]);
  });

  test('has its own numbers, however many there are', () => {
    const rows = new Rows(5000);
    const all = Array.from({ length: 10 }, () => rows.take());
    for (const [index, row] of all.entries()) row.fill(index);
    assert.ok(all.every((row, index) => row.length === 5000 && row.every((number) => number === index)));
  });
});

suite('a series that takes the place of an ended one', () => {
  test('leaves a delta reader the last counts of that one', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: DELTA });
    registry.end([errors('1', { cgroup: '/a' }, 8)]);
    source.samples = [errors('2', { cgroup: '/b' }, 1)];
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), { 'cgroup=/a': 8, 'cgroup=/b': 1 });
  });

  test('leaves the points of an earlier collection as they were', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: CUMULATIVE, lazy: true });
    source.samples = [latencies('1', { cgroup: '/a' }, 5000, [1, 2, 3, 4, 5])];
    const { dataPoints } = named(await collect(producer), LATENCY.name);
    registry.end(source.samples);
    source.samples = [latencies('2', { cgroup: '/b' }, 1000, [7, 0, 0, 0, 0])];
    await collect(producer);
    const { attributes, value } = dataPoints[0] ?? {};
    assert.deepEqual([attributes, (value as Histogram).buckets.counts], [{ cgroup: '/a' }, [1, 2, 3, 4, 5]]);
  });

  test('begins at its own count while another member has the labels of the ended one', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: CUMULATIVE });
    source.samples = [errors('1', { cgroup: '/a' }, 3), errors('2', { cgroup: '/a' }, 4)];
    await collect(producer);
    registry.end([errors('1', { cgroup: '/a' }, 5)]);
    source.samples = [errors('2', { cgroup: '/a' }, 6), errors('3', { cgroup: '/c' }, 1)];
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), { 'cgroup=/a': 11, 'cgroup=/c': 1 });
  });
});
