import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chosen, chosenOps, DEFAULT_CHOICE } from '../../../src/receivers/overlayfs/chosen.ts';
import { OPS } from '../../../src/receivers/overlayfs/operations.ts';

const METADATA = ['stat', 'lookup', 'readdir', 'create', 'remove', 'rename', 'setattr', 'allocate', 'flush'];

suite('the choice of operations', () => {
  test('has all but what programs do by the hundred thousand, by default', () => {
    assert.deepEqual(
      OPS.filter((op) => !chosenOps(DEFAULT_CHOICE).includes(op)),
      ['stat', 'lookup'],
    );
  });

  test('takes the name of a histogram for all that it tells apart', () => {
    assert.deepEqual(chosenOps(['transfer']), ['splice', 'copy_range']);
    assert.deepEqual(chosenOps(['metadata']), METADATA);
    assert.equal(chosenOps(['copy_up']).length, 7);
  });

  test('takes a single operation of metadata, alone or beside all of them', () => {
    assert.deepEqual(chosenOps(['setattr', 'sync']), ['sync', 'setattr']);
    assert.deepEqual(chosenOps(['metadata', 'stat']), METADATA);
  });

  test('of everything is everything', () => {
    const all = ['read', 'write', 'transfer', 'sync', 'open', 'copy_up', 'metadata'];
    assert.deepEqual(chosen.problems(all, 'operations'), []);
    assert.deepEqual(chosenOps(all), OPS);
  });

  for (const [what, value] of [
    ['a system call', ['fsync']],
    ['one cause of copy-ups', ['copy_up_open']],
    ['nothing', []],
    ['a text', 'read'],
  ] as const) {
    test(`cannot be ${what}: the problem names all that it can be`, () => {
      const [problem = ''] = chosen.problems(value, 'operations');
      assert.match(
        problem,
        /^operations: must be a list of "read", "write", .*"metadata", "copy_up", "stat", .*"flush"$/,
      );
    });
  }

  test('names each only once', () => {
    assert.deepEqual(chosen.problems(['read', 'read'], 'operations'), ['operations: must name each only once']);
  });
});
