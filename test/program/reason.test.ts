import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { errorOf, reasonOf } from '../../src/program/reason.ts';
import { THROWN } from '../support/thrown.ts';

suite('whatever is thrown', () => {
  for (const [name, thrown] of Object.entries(THROWN)) {
    test(`${name} has a reason of one or more words`, () => assert.match(reasonOf(thrown), /\w/));

    test(`${name} becomes an error that can be read`, () => {
      const { name: kind, message, stack } = errorOf(thrown);
      for (const text of [kind, message, stack]) assert.equal(typeof text, 'string');
    });
  }

  test('an error is told by its message, and stays itself', () => {
    const error = new Error('broken');
    assert.equal(reasonOf(error), 'broken');
    assert.equal(errorOf(error), error);
  });

  test('an error without a message is told by its name', () => assert.equal(reasonOf(new TypeError()), 'TypeError'));

  test('several errors are told one after the other', () => {
    assert.equal(reasonOf(THROWN['several errors']), 'all: one; undefined was thrown; two');
  });

  test('what is no error is told as what it is', () => {
    assert.equal(reasonOf(undefined), 'undefined was thrown');
    assert.equal(reasonOf({ code: 'EBROKEN' }), "{ code: 'EBROKEN' } was thrown");
  });
});
