import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gapsOf, measuredIn } from '../../../src/receivers/overlayfs/measured.ts';
import { OPS, type Op } from '../../../src/receivers/overlayfs/operations.ts';

const LEFT_OUT: readonly Op[] = ['stat', 'lookup'];
const CHOSEN = OPS.filter((op) => !LEFT_OUT.includes(op));
const MISSING = [
  { op: 'splice', reason: 'no system call tells it' },
  { op: 'rename', reason: 'no such function' },
  { op: 'flush', reason: 'no system call tells it' },
] as const;

function opsWith(value: boolean, method: 'syscall' | null): string[] {
  const rows = measuredIn({ method, unmeasured: MISSING }, CHOSEN);
  return rows.filter(({ isMeasured }) => isMeasured === value).map(({ op }) => op);
}

suite('an operation', () => {
  test('that the method lacks is not measured, nor one that is left out, and page faults never are', () => {
    assert.deepEqual(opsWith(false, 'syscall'), ['splice', 'stat', 'lookup', 'rename', 'flush', 'fault']);
  });

  test('is measured else', () => {
    assert.deepEqual(
      opsWith(true, 'syscall'),
      CHOSEN.filter((op) => !MISSING.some((missing) => missing.op === op)),
    );
  });

  test('is not measured while nothing is attached, whichever it is', () => {
    assert.deepEqual(opsWith(false, null), [...OPS, 'fault']);
  });
});

test('what is not measured is said once for each reason', () => {
  assert.deepEqual(gapsOf({ method: 'fentry', unmeasured: MISSING }, CHOSEN), {
    unmeasured: [
      { ops: ['splice', 'flush'], reason: 'no system call tells it' },
      { ops: ['rename'], reason: 'no such function' },
      { ops: ['stat', 'lookup'], reason: 'receivers.overlayfs.operations leaves it out' },
      { ops: ['fault'], reason: 'mapped files are read and written past overlayfs' },
    ],
  });
});

test('what system calls do not tell all of is said beside it, of what is measured', () => {
  const { partly = [] } = gapsOf({ method: 'syscall', unmeasured: MISSING }, CHOSEN);
  assert.deepEqual(
    partly.map(({ ops }) => ops),
    [['sync'], ['open'], ['create', 'remove', 'setattr']],
  );
});
