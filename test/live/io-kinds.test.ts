/** Every kind of I/O on overlayfs, by every way to attach that this kernel offers, is counted as io-kinds.ts says. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { METHODS } from '../../src/receivers/overlayfs/probes.ts';
import { tryKinds } from '../support/io-kinds.ts';
import { missing } from '../support/requirements.ts';

suite('kinds of I/O', { skip: missing('root', 'btf') }, () => {
  for (const method of METHODS) {
    test(`every kind of I/O is counted by ${method} as documented`, async (context) => {
      const problems = await tryKinds(method, context);
      if (problems instanceof Error) return context.skip(problems.message);
      assert.deepEqual(problems, []);
    });
  }
});
