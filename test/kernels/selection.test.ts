import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FILES, otherWays } from './selection.ts';
import { VARIANTS } from './variants.ts';

suite('without --all a guest leaves out', () => {
  const leftOut = (name: string): boolean => otherWays('syscall').some((pattern) => pattern.test(name));

  test('the tests of the ways that auto does not choose there', () => {
    assert.ok(leftOut('by fentry an end without a beginning is no sample'));
    assert.ok(leftOut('every kind of I/O is counted by syscall_classic as documented'));
  });

  test('no test of the way that it chooses, and none of no way', () => {
    assert.ok(!leftOut('by syscall an end without a beginning is no sample'));
    assert.ok(!leftOut('by a cgroup’s own limit names that cgroup'));
  });
});

test('a variant with some of the files has files that are there', () => {
  for (const { name, some = [] } of VARIANTS)
    for (const file of some) assert.ok(FILES.includes(file), `${name}: ${file}`);
});
