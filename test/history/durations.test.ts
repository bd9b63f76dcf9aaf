import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Durations, emptyCounts, foldOf, quantile } from '../../src/history/durations.ts';
import { STEPS } from '../../src/history/schema.ts';

function counts(...at: readonly (readonly [bucket: number, count: number])[]): Uint32Array {
  const all = emptyCounts();
  for (const [bucket, count] of at) all[bucket] = count;
  return all;
}

suite('a quantile of durations', () => {
  const rows: readonly (readonly [title: string, counts: Uint32Array, share: number, us: number | null])[] = [
    ['is unknown without any', counts(), 0.5, null],
    ['of one is within its bucket', counts([3, 1]), 0.99, 4 + 4 * 0.99],
    ['lies where that share of all is reached', counts([3, 50], [10, 50]), 0.5, 8],
    ['goes on in the next bucket', counts([3, 50], [10, 50]), 0.75, 512 + 512 / 2],
    ['of the first bucket begins at 0', counts([0, 2]), 0.5, 0.5],
    ['above the highest bound is that bound', counts([20, 5]), 0.5, 524_288],
  ];
  for (const [title, all, share, us] of rows) test(title, () => assert.equal(quantile(all, share), us));
});

test("a kernel's bucket falls into the one that has all of it, in whatever grid", () => {
  assert.deepEqual(foldOf([500, 1000, 1500, 2000, 3000, 524_288_000]), [0, 0, 1, 1, 2, 19, 20]);
});

test('a step takes the place of the one a minute before it', () => {
  const durations = new Durations(7);
  durations.add(0, 3, 7);
  durations.add(6, 3, 1);
  assert.equal(durations.of(6, 7)[3], 8);
  assert.equal(durations.of(7, 6)[3], 1);
  durations.add(7, 3, 2);
  assert.equal(durations.of(7, 6)[3], 3);
  durations.add(100, 3, 4);
  assert.equal(durations.of(100, 7)[3], 4);
});

test('a step in which nothing was counted takes the place of the one five minutes before it', () => {
  const durations = new Durations(7);
  durations.add(0, 3, 7);
  durations.keep(0);
  assert.equal(durations.kept(0)[3], 7);
  assert.equal(durations.kept(STEPS)[3], 0);
  durations.add(STEPS + 1, 3, 1);
  durations.keep(STEPS + 1);
  assert.deepEqual([durations.kept(STEPS)[3], durations.kept(STEPS + 1)[3]], [0, 1]);
});
