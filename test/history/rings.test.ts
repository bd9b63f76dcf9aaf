import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_COLUMNS, Rings } from '../../src/history/rings.ts';
import { STEPS } from '../../src/history/schema.ts';

suite('columns of numbers over steps', () => {
  test('have null where nothing was set, and what was added up', () => {
    const rings = new Rings(STEPS + 1);
    rings.add('count', 4, 2);
    rings.add('count', 4, 3);
    assert.deepEqual([rings.get('count', 3), rings.get('count', 4), rings.get('other', 4)], [null, 5, null]);
  });

  test('keep thirty steps besides the one that goes on', () => {
    const rings = new Rings(STEPS + 1);
    for (let step = 0; step < 40; step++) rings.set('usage', step, step);
    assert.deepEqual([rings.get('usage', 9), rings.get('usage', 39)], [9, 39]);
  });

  test('have null in each step without a number, whatever its place had a turn before', () => {
    const rings = new Rings(3);
    for (let step = 0; step < 3; step++) rings.set('usage', step, step);
    assert.deepEqual([rings.get('usage', 2), rings.get('usage', 3), rings.get('usage', 4)], [2, null, null]);
    rings.add('usage', 4, 1);
    assert.deepEqual(
      [2, 3, 4, 5].map((step) => rings.get('usage', step)),
      [2, null, 1, null],
    );
    rings.add('usage', 1000, 1);
    assert.deepEqual(
      [998, 999, 1000].map((step) => rings.get('usage', step)),
      [null, null, 1],
    );
  });

  test('have a bound, beyond which a column finds no room', () => {
    const rings = new Rings(STEPS + 1);
    for (let column = 0; column < MAX_COLUMNS; column++) assert.equal(rings.add(`${column}`, 0, column), true);
    assert.equal(rings.add('one more', 0, 1), false);
    assert.equal(rings.add('7', 0, 1), true);
    assert.equal(rings.get('7', 0), 8);
    assert.equal(rings.bytes, MAX_COLUMNS * 31 * 4);
  });
});
