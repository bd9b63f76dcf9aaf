import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { combined, type Totals } from '../../src/receivers/histograms.ts';

suite('the totals of an operation', () => {
  const now: Totals<'sumNs' | 'errors'> = { sumNs: 700, errors: 2, buckets: [1, 2, 3] };
  const before: Totals<'sumNs' | 'errors'> = { sumNs: 300, errors: 2, buckets: [1, 0, 1] };

  test('without those of before are what came since', () => {
    assert.deepEqual(
      combined(now, before, (a, b) => a - b),
      { sumNs: 400, errors: 0, buckets: [0, 2, 2] },
    );
  });

  test('with others have every counter and every bucket of both', () => {
    assert.deepEqual(
      combined(now, before, (a, b) => a + b),
      { sumNs: 1000, errors: 4, buckets: [2, 2, 4] },
    );
  });
});
