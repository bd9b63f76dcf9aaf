import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compareReports, describeComparison } from '../../bench/comparison.ts';
import { conditionsNow } from '../../bench/conditions.ts';
import { type Report, Results, type Unit } from '../../bench/results.ts';

const PEER = 'the peer';

interface Measured {
  readonly ours: readonly number[];
  readonly peer?: readonly number[];
  readonly unit?: Unit;
}

function report({ ours, peer = [], unit = 'ms' }: Measured): Report {
  const results = new Results();
  results.add('a scrape', 'Floatie', unit, ...ours);
  if (peer.length > 0) results.add('a scrape', PEER, unit, ...peer);
  results.compare('Floatie', PEER);
  const part = { name: 'scale', title: 'Scale', seconds: 1, figures: results.figures(), notes: [] };
  return { conditions: conditionsNow(false), parts: [part] };
}

const verdicts = (earlier: Measured, now: Measured): string[] =>
  compareReports(report(earlier), report(now)).changes.map(({ than, verdict }) => `${verdict}: ${than}`);

suite('a comparison with an earlier run', () => {
  test('finds a slower machine no reason, because the peer is slower, too', () => {
    const earlier = { ours: [10, 11, 12], peer: [20, 22, 24] };
    assert.deepEqual(verdicts(earlier, { ours: [30, 33, 36], peer: [60, 66, 72] }), ['unchanged: the peer']);
  });

  for (const [name, ours, verdict] of [
    ['worse beyond all rounds of both', [16, 17, 18], 'worse'],
    ['better beyond all rounds of both', [5, 6, 7], 'better'],
    ['within the spread of the earlier run', [12, 12, 12], 'unchanged'],
    ['within its own spread', [9, 14, 19], 'unchanged'],
  ] as const) {
    test(`is ${verdict} where a ratio is ${name}`, () => {
      const peer = [10, 10, 10];
      assert.deepEqual(verdicts({ ours: [10, 11, 12], peer }, { ours, peer }), [`${verdict}: ${PEER}`]);
    });
  }

  for (const [times, much, little] of [
    [3, 1030, 1010],
    [1, 1110, 1090],
  ] as const) {
    test(`takes bytes as they are, and ignores what is too little to matter; rounds: ${times}`, () => {
      const kb = (size: number): Measured => ({ ours: new Array<number>(times).fill(size), unit: 'kB' });
      assert.deepEqual(verdicts(kb(1000), kb(little)), ['unchanged: kB']);
      assert.deepEqual(verdicts(kb(1000), kb(much)), ['worse: kB']);
    });
  }

  test('judges no peer', () => {
    const earlier = report({ ours: [10], peer: [10], unit: 'MB' });
    const { changes } = compareReports(earlier, report({ ours: [20], peer: [20], unit: 'MB' }));
    assert.deepEqual(
      changes.map(({ of, verdict }) => [of, verdict]),
      [['Floatie', 'unchanged']],
    );
  });

  test('counts a first call where there was none', () => {
    assert.deepEqual(verdicts({ ours: [0], unit: 'calls' }, { ours: [1], unit: 'calls' }), ['worse: calls']);
  });

  test('says how many figures it cannot compare', () => {
    const comparison = compareReports(report({ ours: [10] }), report({ ours: [20] }));
    assert.deepEqual(comparison, { changes: [], uncompared: 1 });
  });

  test('names what became worse, from which ratio to which', () => {
    const peer = [10, 10, 10];
    const comparison = compareReports(report({ ours: [4, 4, 4], peer }), report({ ours: [6, 6, 6], peer }));
    assert.match(describeComparison(comparison), /worse: scale: a scrape: Floatie: 0\.4 → 0\.6 of the peer\n/);
  });
});
