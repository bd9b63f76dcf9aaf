/** Copy-ups by all that causes them: exact on functions, and inferred from opens on system calls. */
import { suite, test } from 'node:test';
import { countCopyUps, inferCopyUps } from '../../support/copy-up.ts';
import { missing } from '../../support/requirements.ts';
import { scaled } from '../../support/scale.ts';

const FILES = Math.max(scaled(20), 2);

suite('copy-up', { skip: missing('root', 'btf') }, () => {
  for (const method of ['fentry', 'kprobe'] as const) {
    test(`by ${method} each copy is counted once, with its bytes and its cause`, (context) =>
      countCopyUps(method, FILES, context));
  }

  for (const method of ['syscall', 'syscall_classic'] as const) {
    test(`by ${method} copies of data by opens are inferred, and nothing where nothing is copied`, (context) =>
      inferCopyUps(method, FILES, context));
  }
});
