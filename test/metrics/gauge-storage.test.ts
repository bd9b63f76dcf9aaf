import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { viewOptions } from '../../src/config/view-options.ts';
import { GaugeStorage, type Member } from '../../src/metrics/storage.ts';
import { streamsOf } from '../../src/metrics/streams.ts';
import { metrics } from '../../src/receivers/pressure/metrics.ts';
import { labels, view } from './counts.ts';

const GAUGE = metrics.score;

function storeOf(stream: Parameters<typeof view>[1] = {}): GaugeStorage {
  const [first] = streamsOf(GAUGE, viewOptions([view(GAUGE, stream)]));
  assert.ok(first);
  return new GaugeStorage(first);
}

function member(key: string, attributes: Attributes, value: number): Member {
  return { key, attributes, startTime: [100, 0], totals: Float64Array.of(value) };
}

function values(store: GaugeStorage): Record<string, number> {
  return Object.fromEntries(
    Array.from(store.values(), ({ attributes, totals }) => [labels(attributes), totals[0] ?? Number.NaN]),
  );
}

/** One collection. */
function collectInto(store: GaugeStorage, ...members: Member[]): Record<string, number> {
  store.begin();
  store.update(members);
  return values(store);
}

const HOST = member('/host', { scope: 'host' }, 10);
const A = member('/a', { scope: 'container', cgroup: '/a' }, 20);
const B = member('/b', { scope: 'container', cgroup: '/b' }, 30);

suite('a gauge', () => {
  test('has no series before something is measured', () => assert.deepEqual(values(storeOf()), {}));

  test('without attributes has none either: a zero would be a lie', () => {
    assert.deepEqual(values(storeOf({ attribute_keys: { included: [] } })), {});
  });

  test('has what was measured', () => {
    assert.deepEqual(collectInto(storeOf(), HOST, A), { 'scope=host': 10, 'cgroup=/a,scope=container': 20 });
  });

  test('has what was measured last, not a sum', () => {
    const store = storeOf();
    collectInto(store, HOST);
    assert.deepEqual(collectInto(store, { ...HOST, totals: Float64Array.of(4) }), { 'scope=host': 4 });
  });

  test('does not stick when its member is not measured again', () => {
    const store = storeOf();
    collectInto(store, HOST, A);
    assert.deepEqual(collectInto(store, HOST), { 'scope=host': 10 });
  });

  test('takes members that come in turns', () => {
    const store = storeOf();
    store.begin();
    for (const one of [HOST, A, B]) store.update([one]);
    assert.equal(Object.keys(values(store)).length, 3);
  });

  test('never ends: what is gone is not there at the next collection', () => {
    const store = storeOf();
    collectInto(store, A);
    store.end();
    assert.deepEqual(collectInto(store), {});
  });
});

suite('a gauge under a view', () => {
  test('without attributes shows the first of all', () => {
    assert.deepEqual(collectInto(storeOf({ attribute_keys: { included: [] } }), HOST, A, B), { '': 10 });
  });

  test('shows the first of each that the view makes alike', () => {
    assert.deepEqual(collectInto(storeOf({ attribute_keys: { included: ['scope'] } }), HOST, A, B), {
      'scope=host': 10,
      'scope=container': 20,
    });
  });

  test('without attributes is not put under the overflow by a limit of one', () => {
    const store = storeOf({ attribute_keys: { included: [] }, aggregation_cardinality_limit: 1 });
    assert.deepEqual(collectInto(store, HOST, A), { '': 10 });
  });

  for (const limit of [1, 2, 3, 10]) {
    test(`with a limit of ${limit} has exactly ${limit} series of twenty, the overflow among them`, () => {
      const store = storeOf({ aggregation_cardinality_limit: limit });
      const all = collectInto(
        store,
        ...Array.from({ length: 20 }, (_, index) =>
          member(`/${index}`, { scope: 'container', cgroup: `/${index}` }, 1),
        ),
      );
      assert.equal(Object.keys(all).length, limit);
      assert.ok('otel.metric.overflow=true' in all);
    });
  }

  test('with a limit keeps the host apart, which is first', () => {
    assert.deepEqual(collectInto(storeOf({ aggregation_cardinality_limit: 2 }), HOST, A, B), {
      'scope=host': 10,
      'otel.metric.overflow=true': 20,
    });
  });

  test('with a limit has room again at the next collection', () => {
    const store = storeOf({ aggregation_cardinality_limit: 2 });
    collectInto(store, A, B);
    assert.deepEqual(collectInto(store, B), { 'cgroup=/b,scope=container': 30 });
  });
});
