import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { identify } from '../../../src/containers/identity.ts';
import { FileBudget } from '../../../src/receivers/file-budget.ts';
import { Owners } from '../../../src/receivers/oom/owners.ts';
import { missing } from '../../support/requirements.ts';

const comm = readFileSync('/proc/self/comm', 'utf8').trimEnd();

suite('the owner of a process in the kernel’s report', { skip: missing('root') }, () => {
  test('is that of its cgroup while it lives', () => {
    const [, path = ''] = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? [];
    const owners = new Owners(2, identify, new FileBudget(100));
    assert.deepEqual(owners.of({ tgid: process.pid, comm }), identify(path));
  });

  test('is unknown where another process has the number by now, or none', () => {
    const owners = new Owners(2, identify, new FileBudget(100));
    assert.equal(owners.of({ tgid: process.pid, comm: 'another' }), undefined);
    assert.equal(owners.of({ tgid: 2 ** 30, comm }), undefined);
  });

  test('is unknown where too many files were read in that second', () => {
    const owners = new Owners(2, identify, new FileBudget(4));
    const found = Array.from({ length: 4 }, () => owners.of({ tgid: process.pid, comm }) !== undefined);
    assert.deepEqual(found, [true, true, false, false]);
  });
});

test('a budget of files is whole again after a second', () => {
  const budget = new FileBudget(3);
  const nowMs = performance.now();
  assert.deepEqual([budget.take(2, nowMs), budget.take(2, nowMs), budget.take(1, nowMs)], [true, false, true]);
  assert.ok(!budget.take(3, nowMs + 900));
  assert.ok(budget.take(3, nowMs + 1001));
});

test('a budget of files has enough for who comes each second and a moment too early', () => {
  const budget = new FileBudget(100);
  const nowMs = performance.now();
  for (let second = 0; second < 60; second++) assert.ok(budget.take(90, nowMs + second * 951), `second ${second}`);
});
