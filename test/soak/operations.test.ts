/** 100,000 of each operation by 8 threads and by 64. */
import { suite, test } from 'node:test';
import { METHODS } from '../../src/receivers/overlayfs/probes.ts';
import { ROWS } from '../live/operations.ts';
import { assertCounted, attachedBy } from '../support/attached-operations.ts';
import { tryOperations } from '../support/operations.ts';
import { missing } from '../support/requirements.ts';
import { scaled } from '../support/scale.ts';

const LOADS = [8, 64].map((threads) => ({ threads, count: scaled(100_000) }));

suite('operations on overlayfs', { skip: missing('root', 'btf') }, () => {
  for (const method of METHODS) {
    // Row by row, since the files of all of them take too much memory.
    for (const row of ROWS) {
      test(`by ${method} 100,000 of each of ${row.kinds} on ${row.on ?? 'upper'} by 8 and by 64 threads are counted as documented`, async (context) => {
        await using attached = await attachedBy(method, context);
        if (attached === null) return;
        const tried = await tryOperations(attached.it, LOADS, [row]);
        context.diagnostic(`found: ${assertCounted(attached.it, tried)}`);
      });
    }
  }
});
