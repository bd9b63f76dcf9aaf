import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isNamed, parseQuery, type Query } from '../../../src/exporters/prometheus/query.ts';
import { selectRecords } from '../../../src/exporters/prometheus/record-list.ts';
import type { TypedRecord } from '../../../src/records/schema.ts';

suite('a query', () => {
  const rows: readonly (readonly [query: string, expected: Query])[] = [
    ['', {}],
    ['other=1', {}],
    ['limit=010', { limit: 10 }],
    ['since=1970-01-01T00:00:01.5Z', { sinceMs: 1500 }],
    ['since=1970-01-01T01:00:00%2B01:00', { sinceMs: 0 }],
    ['container=web&limit=1', { limit: 1, container: 'web' }],
    ['steps=0', { steps: 0 }],
  ];
  for (const [query, expected] of rows) {
    test(`of "${query}" is understood`, () => assert.deepEqual(parseQuery('/oom', query), expected));
  }

  for (const [query, problem] of [
    ['limit=0', /^limit must be one whole number from 1 on, as in \/oom\?limit=10$/],
    ['since=yesterday', /^since must be one time as RFC 3339 has it, as in \/oom\?since=2026/],
    ['since=2026-13-45T00:00:00Z', /^since must be one time/],
    ['since=5m', /^since must be one time/],
    ['steps=all', /^steps must be one whole number from 0 on/],
    ['container=', /^container must be the id, the name or the cgroup of one container$/],
    ['container=a&container=b', /^container must be/],
  ] as const) {
    test(`of "${query}" is answered with the cure`, () =>
      assert.throws(() => parseQuery('/oom', query), { name: 'QueryError', message: problem }));
  }
});

suite('a container', () => {
  const id = 'a'.repeat(64);
  for (const [wanted, is] of [
    [id, true],
    [id.slice(0, 12), true],
    [id.slice(0, 11), false],
    ['web', true],
    ['we', false],
    ['/docker/x', true],
  ] as const) {
    test(`is ${is ? '' : 'not '}meant by ${wanted}`, () =>
      assert.equal(isNamed(wanted, { id, name: 'web', cgroup: '/docker/x' }), is));
  }
});

test('records are those of a container, later than a time, the last ones of these', () => {
  const record = (second: number, id: string) =>
    ({ values: { time: `1970-01-01T00:00:0${second}.000Z`, cgroup: `/${id}`, 'container.id': id } }) as TypedRecord;
  const records = [record(1, 'a'), record(2, 'b'), record(3, 'a'), record(4, 'a')];
  const select = (query: Query) => selectRecords(records, query).map((record) => records.indexOf(record));
  assert.deepEqual(select({}), [0, 1, 2, 3]);
  assert.deepEqual(select({ sinceMs: 2000 }), [2, 3]);
  assert.deepEqual(select({ sinceMs: 9000 }), []);
  assert.deepEqual(select({ container: 'a' }), [0, 2, 3]);
  assert.deepEqual(select({ container: '/b' }), [1]);
  assert.deepEqual(select({ container: 'a', sinceMs: 1000, limit: 1 }), [3]);
});
