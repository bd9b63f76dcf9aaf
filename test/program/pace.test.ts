import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Pace } from '../../src/program/pace.ts';

/** The times at which a job is due that is asked every 100 ms. @param numbers the number at each of these times */
function due(pace: Pace, numbers: readonly number[]): number[] {
  return numbers.flatMap((number, index) => (pace.isDue(number, 100 * index) ? [100 * index] : []));
}

suite('a job that a number paces', () => {
  test('is due at first and then seldom', () =>
    assert.deepEqual(due(new Pace(0, 300), [7, 7, 7, 7, 7, 7, 7, 7]), [0, 300, 600]));

  test('is due at each change', () => assert.deepEqual(due(new Pace(0, 300), [7, 8, 7, 7, 9, 9]), [0, 100, 200, 400]));

  test('is due for a while after a change', () =>
    assert.deepEqual(due(new Pace(200, 1000), [7, 7, 7, 7, 7, 8, 8, 8, 8]), [0, 100, 200, 500, 600, 700]));
});
