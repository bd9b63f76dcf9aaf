import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Results } from '../../bench/results.ts';
import { ratioOf, spreadOf } from '../../bench/statistics.ts';

suite('a spread', () => {
  for (const [values, median] of [
    [[5], 5],
    [[9, 1, 4], 4],
    [[1, 2, 10, 4], 3],
  ] as const) {
    test(`of ${values.join(', ')} has the median ${median}`, () => {
      assert.deepEqual(spreadOf(values), { median, min: Math.min(...values), max: Math.max(...values) });
    });
  }
});

suite('a ratio', () => {
  test('is one of the two in the same round, so that what disturbs a whole round does not count', () => {
    assert.deepEqual(ratioOf([10, 1000, 20], [20, 2000, 40]), { median: 0.5, min: 0.5, max: 0.5 });
  });

  test('is one to the median where the rounds are not the same', () => {
    assert.deepEqual(ratioOf([10, 30], [5, 10, 15]), { median: 2, min: 1, max: 3 });
  });
});

suite('results', () => {
  test('have a figure for each row and column, with the ratio of those that are compared', () => {
    const results = new Results();
    results.add('a call', 'ours', 'ns', 10, 12, 14);
    results.add('a call', 'the peer', 'ns', 20);
    results.add('a call', 'the peer', 'ns', 24, 28);
    results.add('its size', 'ours', 'kB', 7);
    results.compare('ours', 'the peer');
    results.aim('a call', 'ours', { atMost: 11 });
    const half = { median: 0.5, min: 0.5, max: 0.5 };
    assert.deepEqual(results.figures(), [
      {
        ...{ what: 'a call', of: 'ours', unit: 'ns', median: 12, min: 10, max: 14, rounds: 3 },
        ...{ ratios: { 'the peer': half }, aim: { atMost: 11 } },
      },
      { what: 'a call', of: 'the peer', unit: 'ns', median: 24, min: 20, max: 28, rounds: 3, ratios: {} },
      { what: 'its size', of: 'ours', unit: 'kB', median: 7, min: 7, max: 7, rounds: 1, ratios: {} },
    ]);
  });

  test('have no ratio to a peer that takes nothing', () => {
    const results = new Results();
    results.add('idle', 'ours', '%', 1);
    results.add('idle', 'the peer', '%', 0);
    results.compare('ours', 'the peer');
    assert.deepEqual(results.figures()[0]?.ratios, {});
  });

  test('tell a reason once, however often it happened', () => {
    const results = new Results();
    for (let round = 0; round < 3; round++) results.note('no bpftrace');
    assert.deepEqual(results.notes, ['no bpftrace']);
  });
});
