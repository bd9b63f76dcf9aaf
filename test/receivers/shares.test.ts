import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Entry, entriesToTake } from '../../src/receivers/shares.ts';

const TOTAL = 16;

/** So many that live and are series, the later ones younger. */
function entries(count: number, values: Partial<Entry> = {}, from = 0): Entry[] {
  return Array.from({ length: count }, (_, index) => ({
    slot: from + index,
    size: 1,
    bornNs: from + index,
    goneSinceMs: null,
    isRead: false,
    isShown: true,
    sharer: 'a',
    ...values,
  }));
}

function taken(all: readonly Entry[], free = TOTAL - all.length): Record<number, string> {
  return Object.fromEntries(entriesToTake(all, free, TOTAL));
}

suite('map entries', () => {
  test('stay while a quarter is free', () => {
    assert.deepEqual(taken(entries(12, { goneSinceMs: 0, isRead: true })), {});
  });

  test('of those that are no more and were read are taken, the oldest first, until a quarter is free', () => {
    const dead = entries(14, { isRead: true }).map((entry) => ({ ...entry, goneSinceMs: 100 - entry.slot }));
    assert.deepEqual(taken(dead), { 13: 'end', 12: 'end' });
  });

  test('of those that are no more wait until they were read', () => {
    assert.deepEqual(taken(entries(16, { goneSinceMs: 0 })), {});
  });

  test('are not taken from those that hold no more than a fair share', () => {
    const all = Array.from({ length: 16 }, (_, slot) => entries(1, { sharer: `${slot}` }, slot)).flat();
    assert.deepEqual(taken(all), {});
  });

  test('are taken from whoever has most, the latest first, until an eighth is free', () => {
    const all = [...entries(13), ...entries(3, { sharer: 'b' }, 13)];
    assert.deepEqual(taken(all), { 12: 'banish', 11: 'banish' });
  });

  test('are left to whoever is alone but for an eighth', () => {
    assert.deepEqual(taken(entries(14)), {});
    assert.deepEqual(taken(entries(16)), { 15: 'banish', 14: 'banish' });
  });

  test('of those that are no more and that nobody saw are folded before living ones are banished', () => {
    const all = [...entries(15), ...entries(1, { goneSinceMs: 0, isShown: false }, 15)];
    assert.deepEqual(taken(all), { 15: 'fold', 14: 'banish' });
  });

  test('of one that nobody saw are taken before a series', () => {
    const all = [...entries(1, { isShown: false }), ...entries(15, {}, 1)];
    assert.deepEqual(taken(all), { 0: 'banish', 15: 'banish' });
  });

  test('are taken from whoever takes most memory, though others have more entries', () => {
    const all = [...entries(3, { size: 4 }), ...entries(4, { sharer: 'b' }, 3)];
    assert.deepEqual(taken(all, 0), { 2: 'banish' });
  });

  test('are left to an owner of one cgroup, however much memory that takes', () => {
    assert.deepEqual(taken([...entries(1, { size: 12 }), ...entries(1, { sharer: 'b', size: 4 }, 1)], 0), {});
  });

  test('of those that are no more are taken until a quarter of the memory is free', () => {
    const dead = entries(4, { goneSinceMs: 0, isRead: true, size: 4 });
    assert.deepEqual(taken(dead, 0), { 0: 'end' });
  });

  test('one entry is never taken from its only cgroup', () => {
    assert.deepEqual(Object.fromEntries(entriesToTake(entries(1), 0, 1)), {});
  });
});
