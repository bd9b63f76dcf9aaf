import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { foldTable, toNs, unionOfBounds } from '../../src/metrics/buckets.ts';

suite('the grid that the kernel counts on', () => {
  const rows: [string, number[][], number[]][] = [
    ['nobody asks for bounds', [], []],
    ['one set is taken as it is', [[1, 2, 4]], [1, 2, 4]],
    [
      'bounds of several sets are merged in ascending order',
      [
        [1, 10, 100],
        [5, 50],
      ],
      [1, 5, 10, 50, 100],
    ],
    [
      'a bound two sets share is there once',
      [
        [1, 10],
        [10, 20],
      ],
      [1, 10, 20],
    ],
    ['numbers are ordered as numbers, not as texts', [[9], [10], [100]], [9, 10, 100]],
    ['an empty set adds nothing', [[], [3]], [3]],
  ];
  for (const [name, sets, expected] of rows) {
    test(name, () => assert.deepEqual(unionOfBounds(sets), expected));
  }
});

suite('microseconds become whole nanoseconds', () => {
  const rows: [number, number][] = [
    [0.001, 1],
    [0.5, 500],
    [1, 1000],
    [1.001, 1001], // 1.001 * 1000 is 1000.9999999999999
    [4.35, 4350], // 4.35 * 1000 is 4350.0000000000005 or less
    [524_288, 524_288_000],
    [1e9, 1e12],
  ];
  for (const [us, ns] of rows) test(`${us} µs are ${ns} ns`, () => assert.equal(toNs(us), ns));
});

suite('counts of the fine grid fold into the buckets of a view', () => {
  test('a grid equal to the bounds is left as it is', () => {
    assert.deepEqual(foldTable([1, 2, 4], [1, 2, 4]), [0, 1, 2, 3]);
  });

  test('a bound is the upper end of its bucket and belongs to it', () => {
    assert.deepEqual(foldTable([1, 2, 3, 4], [2, 4]), [0, 0, 1, 1, 2]);
  });

  test('what is above the last bound of a view is in its last bucket', () => {
    assert.deepEqual(foldTable([1, 2, 4, 8, 16], [2]), [0, 0, 1, 1, 1, 1]);
  });

  test('a view without bounds has everything in one bucket', () => {
    assert.deepEqual(foldTable([1, 2], []), [0, 0, 0]);
  });

  test('without a grid there is only what is above all', () => {
    assert.deepEqual(foldTable([], []), [0]);
  });

  const bounds = [1000, 4000];
  const grid = [1000, 2000, 4000, 8000];
  const rows: [string, number, number][] = [
    ['0 ns', 0, 0],
    ['exactly the first bound', 1000, 0],
    ['1 ns above it', 1001, 1],
    ['a bound of another view', 2000, 1],
    ['exactly the last bound', 4000, 1],
    ['1 ns above it', 4001, 2],
    ['more than any bound', 1e12, 2],
  ];
  for (const [name, ns, expected] of rows) {
    test(`${name} (${ns} ns) is counted where a histogram of the view's own would count it`, () => {
      // As the kernel does: the first bound that is not below the value.
      const bucket = grid.findIndex((bound) => ns <= bound);
      const fold = foldTable(grid, bounds);
      assert.equal(fold[bucket < 0 ? grid.length : bucket], expected);
    });
  }
});
