/** What a read fails with is what its error is counted as. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ERROR_TYPES, type ErrorType } from '../../src/receivers/overlayfs/operations.ts';
import { METHODS } from '../../src/receivers/overlayfs/probes.ts';
import { createCgroup } from '../support/cgroup.ts';
import { attempted, OPTIONS, operationsOf } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';
import { mountTracefs } from '../support/tracefs.ts';

/** Reads each file once, and prints the number of its error. */
const READER = `
  const { openSync, readSync } = require('node:fs');
  const errorOf = (file) => {
    try { return readSync(openSync(file), Buffer.alloc(1)); } catch ({ errno }) { return -errno; }
  };
  console.log(JSON.stringify(process.argv.slice(1).map(errorOf)));`;
/** Of errors without a type of their own. */
const OTHERS = ['ENXIO', 'ENOMEM'] as const;

suite('errors of reads', { skip: missing('root', 'btf', 'fuse') }, () => {
  for (const method of METHODS) {
    test(`by ${method} are counted by their type`, async (context) => {
      const codes = [...ERROR_TYPES.filter((type) => type !== 'other'), ...OTHERS];
      await using slow = await mountSlow([0]);
      using stack = new DisposableStack();
      const folder = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-errors-')), (path) =>
        rmSync(path, { recursive: true }),
      );
      const [empty, merged] = [join(folder, 'empty'), join(folder, 'merged')];
      for (const path of [empty, merged]) mkdirSync(path);
      execFileSync('mount', ['-t', 'overlay', '-o', `lowerdir=${slow.path}:${empty}`, 'overlay', merged]);
      stack.defer(() => execFileSync('umount', [merged]));
      using _tracefs = mountTracefs();
      const receiver = await attempted({ ...OPTIONS, attach: method });
      if (receiver instanceof Error) return context.skip(receiver.message);
      using attached = receiver;
      await using cgroup = createCgroup('errors');
      const numbers = codes.map((code) => constants.errno[code]);
      const files = numbers.map((number) => join(merged, `read.${number}`, 'file'));
      assert.deepEqual(JSON.parse(cgroup.run(process.execPath, '-e', READER, ...files)), numbers);
      const { read } = operationsOf(attached.it, cgroup);
      const counted = Object.fromEntries(ERROR_TYPES.map((type) => [type, read[type]]));
      const expected = ERROR_TYPES.map((type): [ErrorType, number] => [type, type === 'other' ? OTHERS.length : 1]);
      assert.deepEqual(counted, Object.fromEntries(expected));
    });
  }
});
