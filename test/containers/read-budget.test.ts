import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ReadBudget } from '../../src/containers/read-budget.ts';

const MIB = 1 << 20;

suite('of the files of a user are read', () => {
  test('some MiB at once, and then one in a second', () => {
    const budget = new ReadBudget();
    budget.spend(1000, 32 * MIB, 0);
    assert.equal(budget.allows(1000, 0), false);
    assert.equal(budget.allows(1000, 1), true);
    budget.spend(1000, 8 * MIB, 1);
    assert.equal(budget.allows(1000, 7000), false);
    assert.equal(budget.allows(1000, 9000), true);
  });

  test('as many as of any other user', () => {
    const budget = new ReadBudget();
    budget.spend(1000, 99 * MIB, 0);
    assert.equal(budget.allows(1001, 0), true);
  });

  test('all, if the user is root', () => {
    const budget = new ReadBudget();
    budget.spend(0, 99 * MIB, 0);
    assert.equal(budget.allows(0, 0), true);
  });
});
