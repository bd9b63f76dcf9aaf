import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { createProducer, type Producer } from '../../src/metrics/producer.ts';
import { MetricRegistry, type Sample, type Source } from '../../src/metrics/registry.ts';
import { collect, ERRORS, errors, named, valuesOf } from './counts.ts';

const { CUMULATIVE, DELTA } = AggregationTemporality;
const [A, B] = [{ cgroup: '/a' }, { cgroup: '/b' }];

/** Longer than a step of a collection. */
const LONG_MS = 50;

/** A source whose samples take long, one after the other. */
class SlowSource implements Source {
  readonly metrics = [ERRORS];
  samples: (Sample | null)[] = [];
  /** How many samples were read. */
  given = 0;
  underWay = 0;

  *read(): Generator<Sample | null> {
    assert.equal(this.underWay++, 0, 'it is read twice at a time');
    for (const sample of this.samples) {
      this.given++;
      const start = performance.now();
      while (performance.now() < start + LONG_MS);
      yield sample;
    }
    this.underWay--;
  }
}

function setUp(temporality = CUMULATIVE) {
  const registry = new MetricRegistry([]);
  const source = new SlowSource();
  source.samples = [errors('1', A, 3), errors('2', B, 4)];
  registry.addSource(source);
  return { registry, source, producer: createProducer(registry, { temporality }) };
}

/** Collects, and returns after the first step. */
async function begin(producer: Producer) {
  const turn = setImmediate();
  const collected = collect(producer);
  await turn;
  return { collected };
}

suite('a collection that takes long', () => {
  test('lets everything else have its turn in between', async () => {
    const { source, producer } = setUp();
    const { collected } = await begin(producer);
    assert.equal(source.given, 1);
    assert.deepEqual(valuesOf(named(await collected, ERRORS.name)), { 'cgroup=/a': 3, 'cgroup=/b': 4 });
  });

  test('does so as well where a source has found nothing to tell', async () => {
    const { source, producer } = setUp();
    source.samples = [null, null];
    const { collected } = await begin(producer);
    assert.equal(source.given, 1);
    await collected;
    assert.equal(source.given, 2);
  });

  test('does so between reading and reporting, too, however short reading is', async () => {
    const { source, producer } = setUp();
    source.samples = [];
    const order: string[] = [];
    const collected = collect(producer).then(() => order.push('collected'));
    await Promise.all([collected, setImmediate().then(() => order.push('everything else'))]);
    assert.deepEqual(order, ['everything else', 'collected']);
  });

  test('is reported before another one begins, also when a source throws', async () => {
    const registry = new MetricRegistry([]);
    const order: string[] = [];
    const read = (): Iterable<Sample> => {
      order.push('read');
      throw new Error('broken');
    };
    registry.addSource({ metrics: [ERRORS], read });
    function* report(name: string): Generator<void> {
      order.push(`${name} begins`);
      yield;
      order.push(`${name} ends`);
    }
    const both = await Promise.allSettled(['first', 'second'].map((name) => registry.refreshInSteps(report(name))));
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.deepEqual(order, ['read', 'first begins', 'first ends', 'read', 'second begins', 'second ends']);
  });

  test('is followed by another one for who asks meanwhile: the first may have missed what came since', async () => {
    const { source, registry, producer } = setUp();
    const { collected: first } = await begin(producer);
    source.samples = [errors('1', A, 5), errors('2', B, 4)];
    const others = [producer, createProducer(registry, { temporality: CUMULATIVE })].map(collect);
    await first;
    for (const metrics of await Promise.all(others)) {
      assert.deepEqual(valuesOf(named(metrics, ERRORS.name)), { 'cgroup=/a': 5, 'cgroup=/b': 4 });
    }
  });

  test('has read only what was there when it began', async () => {
    const { registry, producer } = setUp();
    const { collected } = await begin(producer);
    const meanwhile = performance.now();
    await collected;
    assert.equal(registry.isReadSince(meanwhile), false);
    await collect(producer);
    assert.equal(registry.isReadSince(meanwhile), true);
  });

  test('reads nothing more once the receivers are stopped', async () => {
    const { registry, source, producer } = setUp();
    const { collected } = await begin(producer);
    registry.close();
    await collected;
    await collect(producer);
    assert.equal(source.given, 1);
  });

  for (const temporality of [CUMULATIVE, DELTA]) {
    test(`ends with what its ${AggregationTemporality[temporality]} reader has got as its last`, async () => {
      const { registry, source, producer } = setUp(temporality);
      const { collected } = await begin(producer);
      producer.finish();
      assert.deepEqual(valuesOf(named(await collected, ERRORS.name)), { 'cgroup=/a': 3 });
      assert.equal(source.given, 2);
      const next = createProducer(registry, { temporality: CUMULATIVE });
      assert.deepEqual(valuesOf(named(await collect(next), ERRORS.name)), { 'cgroup=/a': 3, 'cgroup=/b': 4 });
    });
  }
});
