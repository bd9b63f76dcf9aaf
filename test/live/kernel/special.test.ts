/** The kinds of I/O that are easily taken for reads and writes of a file, and writes whose sync fails. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { METHODS, type Method } from '../../../src/receivers/overlayfs/probes.ts';
import { tryKinds } from '../../support/io-kinds.ts';
import { missing } from '../../support/requirements.ts';

suite('special I/O', { skip: missing('root', 'btf') }, () => {
  // In one test, so that a guest tries them all in little time.
  test('what is no regular file is no sample, and a failed sync is an error, whatever is attached', async (context) => {
    const tried: Method[] = [];
    for (const method of METHODS) {
      const problems = await tryKinds(method, context, ({ isSpecial }) => isSpecial ?? false);
      if (problems instanceof Error) continue;
      assert.deepEqual(problems, [], method);
      tried.push(method);
    }
    assert.ok(tried.length > 0);
    context.diagnostic(`found: ${tried.join(', ')}`);
  });
});
