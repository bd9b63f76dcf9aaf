import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { causeIn, Refusal, reasonFor } from '../../src/program/refusal.ts';

suite('a refusal', () => {
  const refusal = new Refusal('Cannot fly', { why: 'there are no wings', cure: 'grow some' });

  test('says what cannot be done, why, and the cure', () => {
    assert.equal(refusal.message, 'Cannot fly: there are no wings (grow some)');
  });

  test('says it without the cure to those who show that elsewhere', () => {
    assert.equal(refusal.problem, 'Cannot fly: there are no wings');
  });

  test('says why, and the cure, where it is clear what cannot be done', () => {
    assert.equal(reasonFor(refusal), 'there are no wings (grow some)');
  });

  test('has no parentheses where nothing helps', () => {
    assert.equal(new Refusal('Cannot fly', { why: 'it rains' }).message, 'Cannot fly: it rains');
  });
});

suite('any other error', () => {
  test('is a cause without a cure', () => {
    assert.deepEqual(causeIn(new Error('broken (twice)')), { why: 'broken (twice)' });
  });

  test('is told as it is', () => assert.equal(reasonFor(new Error('broken')), 'broken'));
});
