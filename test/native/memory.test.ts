import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { trimMemory } from '../../src/native/index.ts';
import { eventually } from '../support/eventually.ts';

test('memory that was freed below memory in use goes back to the kernel', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  // Each is too small for a mapping of its own.
  const taken = Array.from({ length: 1000 }, () => Buffer.alloc(64 << 10, 1));
  const inUse = taken.at(-1);
  const full = process.memoryUsage.rss();
  taken.length = 0;
  await eventually('half of it is given back', () => {
    collectGarbage(); // frees in a thread
    trimMemory();
    return process.memoryUsage.rss() < full - (32 << 20);
  });
  assert.equal(inUse?.length, 64 << 10);
});
