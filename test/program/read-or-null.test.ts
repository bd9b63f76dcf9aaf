import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { linkOrNull, readOrNull } from '../../src/program/read-or-null.ts';

suite('a file that may be gone', () => {
  test('is read while it is there', () => assert.match(readOrNull('/proc/self/status') ?? '', /^Name:/));

  test('is null when it is gone, and not an empty text', () => assert.equal(readOrNull('/proc/0/status'), null));
});

suite('a symbolic link that may be gone', () => {
  test('is followed for one step while it is there', () => {
    assert.equal(linkOrNull('/proc/self'), String(process.pid));
  });

  test('is null when it is gone', () => assert.equal(linkOrNull('/proc/0/exe'), null));
});
