import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run } from './boot.ts';
import { renderFailures, renderMatrix, renderRun, renderUnsteady } from './matrix.ts';
import { failedFiles, type Outcome, type TestResult, withSecondRun } from './results.ts';

const FILE = 'test/live/oom.test.ts';

function result(name: string, outcome: Outcome, detail = ''): TestResult {
  return { type: 'test', file: FILE, name, outcome, durationMs: 1, detail };
}

function run(results: TestResult[], problem: string | null = null): Run {
  return { results, problem, release: '6.1.0', bootMs: 10_000, totalMs: 60_000 };
}

const GUESTS = [
  { name: '5.10', run: run([result('counts', 'passed'), result('names', 'failed', 'no name\nat all')]) },
  { name: '6.1', run: run([{ ...result('names', 'passed'), found: 'all of 3' }], 'went off in "names"') },
  { name: '6.12', run: run([result('counts', 'skipped'), { ...result('names', 'failed'), found: 'all of 3' }]) },
];

test('every test has a row, every guest a column, and its cell says what was found', () => {
  assert.equal(
    renderMatrix(GUESTS),
    [
      '|        | 5.10 | 6.1      | 6.12 |',
      '| ------ | ---- | -------- | ---- |',
      '| counts | ok   | ?        | -    |',
      '| names  | FAIL | all of 3 | FAIL |',
    ].join('\n'),
  );
});

test('failed tests and guests that did not get through are told', () => {
  assert.deepEqual(renderFailures(GUESTS), [
    `5.10: ${FILE}: names\n    no name\n    at all`,
    '6.1: the guest went off in "names"',
    `6.12: ${FILE}: names\n    `,
  ]);
});

test('a guest is summed up in a line', () => {
  assert.deepEqual(GUESTS.map(renderRun), [
    '5.10 (6.1.0): 1 passed, 1 failed, 0 skipped in 60 s, 10 s of them to come up',
    '6.1 (6.1.0): 1 passed, 0 failed, 0 skipped in 60 s, 10 s of them to come up - the guest went off in "names"',
    '6.12 (6.1.0): 0 passed, 1 failed, 1 skipped in 60 s, 10 s of them to come up',
  ]);
});

test('a test that failed and passes at its second run is told as such, and one that fails twice as failed', () => {
  const first = [result('counts', 'passed'), result('names', 'failed', 'no name'), result('limits', 'failed', 'none')];
  assert.deepEqual(failedFiles([...first, { ...result('sums', 'failed'), file: `../elsewhere/${FILE}` }]), [FILE]);
  const second = [result('counts', 'failed', 'lost one'), result('names', 'passed'), result('limits', 'failed')];
  const guests = [{ name: '6.1', run: run(withSecondRun(first, second)) }];
  assert.deepEqual(renderUnsteady(guests), [`6.1: ${FILE}: names (passed at its second run)\n    no name`]);
  assert.deepEqual(renderFailures(guests), [`6.1: ${FILE}: limits\n    none`]);
  assert.match(renderMatrix(guests), /names +\| ok \(2nd run\) \|/);
});
