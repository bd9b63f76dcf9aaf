import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { check, checkPointer, errnoName, LibbpfError } from '../../src/native/errors.ts';
import type { Pointer } from '../../src/native/functions.ts';

suite('an errno has a name', () => {
  const rows: [number, string][] = [
    [1, 'EPERM'],
    [2, 'ENOENT'],
    [3, 'ESRCH'],
    [7, 'E2BIG'],
    [9, 'EBADF'],
    [13, 'EACCES'],
    [16, 'EBUSY'],
    [22, 'EINVAL'],
    [95, 'ENOTSUP'],
    [524, 'ENOTSUPP'],
    [0, 'EUNKNOWN'],
    [-1, 'EUNKNOWN'],
  ];
  for (const [errno, name] of rows) test(`${errno} is ${name}`, () => assert.equal(errnoName(errno), name));

  test("libbpf's own begin at 4000 and have names, too (LIBBPF_ERRNO__FORMAT is 4001)", () => {
    assert.match(errnoName(4001), /^[A-Z_]+$/);
  });
});

suite('the int of a C function', () => {
  for (const value of [0, 7]) test(`${value} is a success`, () => assert.equal(check({ value }, 'do it'), value));

  test('that is negative is an error with action and code', () => {
    assert.throws(() => check({ value: -2 }, 'open the map'), {
      name: 'LibbpfError',
      code: 'ENOENT',
      message: 'Cannot open the map: ENOENT',
    });
  });
});

suite('the pointer of a C function', () => {
  const pointer = {} as Pointer;

  test('is passed on', () => assert.equal(checkPointer({ value: pointer, errno: 0 }, 'do it'), pointer));

  test('is passed on although errno is left over from something else', () => {
    assert.equal(checkPointer({ value: pointer, errno: 2 }, 'do it'), pointer);
  });

  test('that is NULL is an error with action and code', () => {
    assert.throws(() => checkPointer({ value: null, errno: 1 }, 'attach "x"'), {
      name: 'LibbpfError',
      code: 'EPERM',
      message: 'Cannot attach "x": EPERM',
    });
  });
});

test('an error of libbpf is an Error that a caller can tell by its code', () => {
  const error = new LibbpfError('ENOLIB', 'Cannot open libbpf', { cause: 'x' });
  assert.deepEqual([error instanceof Error, error.code, error.cause], [true, 'ENOLIB', 'x']);
});
