/** Which answers may stand in for each other while memory is short: those with the same key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeOf, type Sources } from '../../../src/exporters/prometheus/routes.ts';
import type { TypedRecord } from '../../../src/records/schema.ts';

function keyOf(query: string, count: number, isPublic = false): string {
  const list = Array.from({ length: count }, () => ({ schema: { fields: {} }, values: {} }) as unknown as TypedRecord);
  const sources = { records: { at: () => list, schemas: [] }, isPublic } as unknown as Sources;
  return routeOf({ path: '/oom', query } as Parameters<typeof routeOf>[0], sources).key;
}

test('the list of all records stays the same one when it grows, and a part of it is another', () => {
  assert.equal(keyOf('', 3), keyOf('', 4));
  assert.equal(keyOf('limit=9', 3), keyOf('', 3));
  assert.notEqual(keyOf('limit=2', 3), keyOf('', 3));
});

test('what only some may see stands in for nothing that anyone may see', () => {
  assert.notEqual(keyOf('', 3, true), keyOf('', 3));
});
