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
    for (let step = 0; step < 40; step++) {
      rings.clear(step);
      rings.set('usage', step, step);
    }
    assert.deepEqual([rings.get('usage', 9), rings.get('usage', 39)], [9, 39]);
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
