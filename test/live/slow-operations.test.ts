/** Operations of known duration land in the buckets of the histograms that they belong to. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { METHODS } from '../../src/receivers/overlayfs/probes.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';
import { compareSlow, SLOW_US } from '../support/slow-operations.ts';

suite('slow operations', { skip: missing('root', 'btf', 'fuse') }, () => {
  for (const method of METHODS) {
    test(`by ${method} an open, fstat and getdents of 20 ms on a slow lower layer land where they belong`, async (context) => {
      await using slow = await mountSlow([SLOW_US]);
      using stack = new DisposableStack();
      const folder = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-slow-')), (path) =>
        rmSync(path, { recursive: true }),
      );
      const [empty, merged] = [join(folder, 'empty'), join(folder, 'merged')];
      for (const path of [empty, merged]) mkdirSync(path);
      execFileSync('mount', ['-t', 'overlay', '-o', `lowerdir=${slow.path}:${empty}`, 'overlay', merged]);
      stack.defer(() => execFileSync('umount', [merged]));
      const problem = await compareSlow(method, merged, { open: 'open', fstat: 'stat', getdents: 'readdir' });
      if (problem !== null) context.skip(problem);
    });
  }
});
