import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes, HrTime } from '@opentelemetry/api';
import { viewOptions } from '../../src/config/view-options.ts';
import { OVERFLOW } from '../../src/metrics/attributes.ts';
import type { Exemplar } from '../../src/metrics/exemplar.ts';
import { type Member, SeriesStorage } from '../../src/metrics/storage.ts';
import { streamsOf } from '../../src/metrics/streams.ts';
import { metrics } from '../../src/receivers/overlayfs/metrics.ts';
import { exemplar } from '../support/metric-data.ts';
import { labels, view } from './counts.ts';

const START: HrTime = [50, 0];

function storeOf(stream: Parameters<typeof view>[1] = {}): SeriesStorage {
  const [first] = streamsOf(metrics.errors, viewOptions([view(metrics.errors, stream)]));
  assert.ok(first);
  return new SeriesStorage(first, 1, START);
}

function member(key: string, attributes: Attributes, total: number, startTime: HrTime = [100, 0]): Member {
  return { key, attributes, startTime, totals: Float64Array.of(total) };
}

function totals(store: SeriesStorage): Record<string, number> {
  return Object.fromEntries(
    Array.from(store.values(), ({ attributes, totals }) => [labels(attributes), totals[0] ?? 0]),
  );
}

const A = { cgroup: '/a', op: 'read' };
const B = { cgroup: '/b', op: 'read' };

suite('a series', () => {
  test('shows the total of its member', () => {
    const store = storeOf();
    store.update([member('1', A, 3)]);
    store.update([member('1', A, 8)]);
    assert.deepEqual(totals(store), { 'cgroup=/a,op=read': 8 });
  });

  test('adds up members with the same attributes', () => {
    const store = storeOf();
    store.update([member('1', A, 3), member('2', A, 4)]);
    assert.deepEqual(totals(store), { 'cgroup=/a,op=read': 7 });
  });

  test('is the same whatever the order of the attributes', () => {
    const store = storeOf();
    store.update([member('1', { op: 'read', cgroup: '/a' }, 3), member('2', { cgroup: '/a', op: 'read' }, 4)]);
    assert.deepEqual(totals(store), { 'cgroup=/a,op=read': 7 });
  });

  test('does not confuse attributes whose texts only look alike when joined', () => {
    const store = storeOf();
    store.update([member('1', { cgroup: '/a,op=x', op: 'y' }, 1), member('2', { cgroup: '/a', op: 'x,op=y' }, 1)]);
    assert.equal([...store.values()].length, 2);
  });

  test('has the latest exemplars of all its members', () => {
    const store = storeOf({ attribute_keys: { included: [] } });
    const at = (seconds: number): Exemplar => ({ ...exemplar(seconds), time: [seconds, 0] });
    const [first, second, third, ...later] = [1, 2, 3, 4, 5, 6].map(at) as [Exemplar, Exemplar, Exemplar];
    store.update([
      { ...member('1', A, 3), exemplars: [first, third] },
      { ...member('2', B, 4), exemplars: [second] },
    ]);
    const [series] = store.values();
    assert.deepEqual(series?.exemplars, [first, second, third]);
    const before = series?.exemplars;
    store.update([{ ...member('1', A, 3), exemplars: [first, third] }, member('2', B, 4)]);
    assert.equal(series?.exemplars, before, 'nothing is new');
    store.update([{ ...member('1', A, 3), exemplars: later }]);
    assert.deepEqual(series?.exemplars, [third, ...later]);
  });

  test('of one member has the exemplars that it has now', () => {
    const store = storeOf();
    store.update([{ ...member('1', A, 3), exemplars: [exemplar(1)] }]);
    const [series] = store.values();
    assert.deepEqual(series?.exemplars, [exemplar(1)]);
    store.update([member('1', A, 3)]);
    assert.deepEqual(series?.exemplars, []);
  });

  test('does not begin with what another one says', () => {
    const store = storeOf();
    store.update([{ ...member('1', A, 3), isRedundant: true }]);
    assert.deepEqual(totals(store), {});
    store.update([member('1', A, 4)]);
    store.update([{ ...member('1', A, 5), isRedundant: true }]);
    assert.deepEqual(totals(store), { 'cgroup=/a,op=read': 5 });
  });

  test('has what another one says where it adds members up, or has a limit', () => {
    for (const stream of [{ attribute_keys: { included: ['op'] } }, { aggregation_cardinality_limit: 5 }]) {
      const store = storeOf(stream);
      store.update([{ ...member('1', A, 3), isRedundant: true }]);
      assert.deepEqual(Object.values(totals(store)), [3]);
    }
  });

  test('never goes backwards when one of its members ends', () => {
    const store = storeOf({ attribute_keys: { included: ['op'] } });
    store.update([member('1', A, 3), member('2', B, 4)]);
    store.end('1');
    assert.deepEqual(totals(store), { 'op=read': 7 });
  });

  test('goes on from there with the members that remain', () => {
    const store = storeOf({ attribute_keys: { included: ['op'] } });
    store.update([member('1', A, 3), member('2', B, 4)]);
    store.end('1');
    store.update([member('2', B, 5)]);
    assert.deepEqual(totals(store), { 'op=read': 8 });
  });

  test('ends with its last member', () => {
    const store = storeOf();
    store.update([member('1', A, 3), member('2', A, 4)]);
    store.end('1');
    store.end('2');
    assert.deepEqual(totals(store), {});
  });

  test('tells its final totals when it ends', () => {
    const store = storeOf();
    const ended: number[] = [];
    store.onEnd(({ totals }) => ended.push(totals[0] ?? Number.NaN));
    store.update([member('1', A, 3)]);
    store.update([member('1', A, 9)]);
    store.end('1');
    assert.deepEqual(ended, [9]);
  });

  test('starts when its first member did', () => {
    const store = storeOf();
    store.update([member('1', A, 3, [100, 7]), member('2', A, 4, [200, 0])]);
    assert.deepEqual([...store.values()][0]?.startTime, [100, 7]);
  });

  test('is a new one, with a start of its own, when a new member comes to an old place', () => {
    const store = storeOf();
    store.update([member('1.0', A, 3, [100, 0])]);
    store.end('1.0');
    store.update([member('1.1', A, 1, [300, 0])]);
    assert.deepEqual(
      Array.from(store.values(), ({ startTime, totals }) => [startTime, totals[0]]),
      [[[300, 0], 1]],
    );
  });

  test('does not change when a member nobody knows ends', () => {
    const store = storeOf();
    store.update([member('1', A, 3)]);
    store.end('never seen');
    assert.deepEqual(totals(store), { 'cgroup=/a,op=read': 3 });
  });

  test('is not ended twice', () => {
    const store = storeOf({ attribute_keys: { included: ['op'] } });
    store.update([member('1', A, 3), member('2', B, 4)]);
    store.end('1');
    store.end('1');
    assert.deepEqual(totals(store), { 'op=read': 7 });
  });

  test('takes what members without any attribute of the view counted, beside those that have it', () => {
    const store = storeOf({ attribute_keys: { included: ['container.id'] } });
    store.update([member('1', A, 3), member('2', { ...B, 'container.id': 'c' }, 4)]);
    assert.deepEqual(totals(store), { '': 3, 'container.id=c': 4 });
  });
});

suite('a stream without attributes', () => {
  const plain = () => storeOf({ attribute_keys: { included: [] } });

  test('has its one series from the start, at zero', () => assert.deepEqual(totals(plain()), { '': 0 }));

  test('counts since the start, not since its first member', () => {
    const store = plain();
    store.update([member('1', A, 3)]);
    assert.deepEqual([...store.values()][0]?.startTime, START);
  });

  test('adds up everything', () => {
    const store = plain();
    store.update([member('1', A, 3), member('2', B, 4), member('0', OVERFLOW, 5)]);
    assert.deepEqual(totals(store), { '': 12 });
  });

  test('keeps its series, and its total, when the last member has ended', () => {
    const store = plain();
    store.update([member('1', A, 3)]);
    store.end('1');
    assert.deepEqual(totals(store), { '': 3 });
  });

  test('goes on from its total with the next member', () => {
    const store = plain();
    store.update([member('1', A, 3)]);
    store.end('1');
    store.update([member('2', A, 2)]);
    assert.deepEqual(totals(store), { '': 5 });
  });

  test('is not put under the overflow by a limit of one', () => {
    const store = storeOf({ attribute_keys: { included: [] }, aggregation_cardinality_limit: 1 });
    store.update([member('1', A, 3)]);
    assert.deepEqual(totals(store), { '': 3 });
  });
});

suite('the series of what found no place in the kernel', () => {
  const rest = member('0', OVERFLOW, 5);

  test('is marked as the overflow', () => {
    const store = storeOf();
    store.update([rest]);
    assert.deepEqual(totals(store), { 'otel.metric.overflow=true': 5 });
  });

  test('is still marked under a view that keeps other attributes only', () => {
    const store = storeOf({ attribute_keys: { included: ['container.id'] } });
    store.update([rest]);
    assert.deepEqual(totals(store), { 'otel.metric.overflow=true': 5 });
  });

  test('is still marked under a view that excludes the mark', () => {
    const store = storeOf({ attribute_keys: { excluded: ['otel.metric.overflow'] } });
    store.update([rest]);
    assert.deepEqual(totals(store), { 'otel.metric.overflow=true': 5 });
  });

  test('keeps the attributes the view keeps, beside the mark', () => {
    const store = storeOf({ attribute_keys: { included: ['op'] } });
    store.update([member('0.read', { op: 'read', ...OVERFLOW }, 5)]);
    assert.deepEqual(totals(store), { 'op=read,otel.metric.overflow=true': 5 });
  });
});

suite('a cardinality limit', () => {
  const cgroups = (count: number) =>
    Array.from({ length: count }, (_, index) => member(`${index}`, { cgroup: `/${index}` }, index + 1));

  for (const limit of [1, 2, 3, 10]) {
    test(`of ${limit} leaves exactly ${limit} series of twenty, the overflow among them`, () => {
      const store = storeOf({ aggregation_cardinality_limit: limit });
      store.update(cgroups(20));
      const all = totals(store);
      assert.equal(Object.keys(all).length, limit);
      assert.ok('otel.metric.overflow=true' in all);
    });
  }

  test('loses no count', () => {
    const store = storeOf({ aggregation_cardinality_limit: 3 });
    store.update(cgroups(20));
    assert.deepEqual(totals(store), { 'cgroup=/0': 1, 'cgroup=/1': 2, 'otel.metric.overflow=true': 207 });
  });

  test('above what there is makes no overflow', () => {
    const store = storeOf({ aggregation_cardinality_limit: 10 });
    store.update(cgroups(3));
    assert.deepEqual(totals(store), { 'cgroup=/0': 1, 'cgroup=/1': 2, 'cgroup=/2': 3 });
  });

  test("counts the kernel's own overflow as the overflow, not twice", () => {
    const store = storeOf({ aggregation_cardinality_limit: 3 });
    store.update([member('rest', OVERFLOW, 100), ...cgroups(4)]);
    assert.deepEqual(totals(store), { 'cgroup=/0': 1, 'cgroup=/1': 2, 'otel.metric.overflow=true': 107 });
  });

  test('does not move a series that has its place', () => {
    const store = storeOf({ aggregation_cardinality_limit: 2 });
    store.update(cgroups(3));
    store.update([member('0', { cgroup: '/0' }, 50)]);
    assert.equal(totals(store)['cgroup=/0'], 50);
  });

  test('lets a new series in where one has ended', () => {
    const store = storeOf({ aggregation_cardinality_limit: 2 });
    store.update(cgroups(1));
    store.end('0');
    store.update([member('new', { cgroup: '/new' }, 4)]);
    assert.deepEqual(totals(store), { 'cgroup=/new': 4 });
  });

  test('never lets the overflow go backwards when a member of it ends', () => {
    const store = storeOf({ aggregation_cardinality_limit: 2 });
    store.update(cgroups(4));
    for (const key of ['1', '2', '3']) store.end(key);
    assert.equal(totals(store)['otel.metric.overflow=true'], 9);
  });
});
