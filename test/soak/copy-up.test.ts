/** 10,400 changes of files in a lower layer, by 8 threads at once. */
import { suite, test } from 'node:test';
import { countCopyUps, inferCopyUps } from '../support/copy-up.ts';
import { missing } from '../support/requirements.ts';

/** By each thread, in each of thirteen ways. */
const FILES = 100;

suite('many copy-ups', { skip: missing('root', 'btf') }, () => {
  for (const method of ['fentry', 'kprobe'] as const) {
    test(`by ${method} each of many copies is counted once, with its bytes and its cause`, (context) =>
      countCopyUps(method, FILES, context));
  }

  for (const method of ['syscall', 'syscall_classic'] as const) {
    test(`by ${method} many copies of data by opens are inferred, and nothing where nothing is copied`, (context) =>
      inferCopyUps(method, FILES, context));
  }
});
