/** Every operation on overlayfs, by every way to attach that this kernel offers, is counted as operations.ts says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import type { Op } from '../../../src/receivers/overlayfs/operations.ts';
import { METHODS } from '../../../src/receivers/overlayfs/probes.ts';
import { assertCounted, attachedBy } from '../../support/attached-operations.ts';
import { createCgroup } from '../../support/cgroup.ts';
import { fixture } from '../../support/fixtures.ts';
import { tryOperations } from '../../support/operations.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { createPidNamespace } from '../../support/pid-namespace.ts';
import { missing } from '../../support/requirements.ts';
import { scaled } from '../../support/scale.ts';
import { ROWS } from '../operations.ts';

const LOADS = [8, 64].map((threads) => ({ threads, count: scaled(1000) }));

const FEW = [{ threads: 2, count: 4 }];
const SOME = ROWS.filter(({ on = 'upper' }) => ['lower', 'outer', 'full'].includes(on));

suite('operations on overlayfs', { skip: missing('root', 'btf') }, () => {
  for (const method of METHODS) {
    test(`by ${method} every operation of 8 and of 64 threads is counted as documented`, async (context) => {
      await using attached = await attachedBy(method, context);
      if (attached === null) return;
      const tried = await tryOperations(attached.it, LOADS);
      context.diagnostic(`found: ${assertCounted(attached.it, tried)}`);
    });

    test(`by ${method} the operations of only the chosen one of two PID namespaces are counted`, {
      skip: missing('pid namespaces'),
    }, async (context) => {
      await using chosen = await createPidNamespace();
      await using other = await createPidNamespace();
      await using attached = await attachedBy(method, context, { pidNsInum: chosen.inum });
      if (attached === null) return;
      const inside = await tryOperations(attached.it, FEW, SOME, chosen.enter);
      context.diagnostic(`found: ${assertCounted(attached.it, inside)}`);
      const outside = await tryOperations(attached.it, FEW, SOME, other.enter);
      for (const { kind, counted } of outside) assert.deepEqual(counted, {}, kind);
    });
  }

  test('by the way that it chooses 4 map entries hold the operations of 10 cgroups, of which 6 are told together', async (context) => {
    await using stack = new AsyncDisposableStack();
    const base = stack.use(createCgroup('crowd'));
    const cgroupId = cgroupIdOf(findHierarchy(), base.name);
    await using attached = await attachedBy('auto', context, { maxMapEntries: 4, cgroupId });
    assert.ok(attached);
    using overlay = mountOverlay();
    const [count, kinds] = [8, ['fsync', 'getdents', 'fchmod']];
    for (let index = 0; index < 10; index++) {
      const cgroup = stack.use(createCgroup('one', `${base.name.slice(1)}/${index}`));
      const folder = join(overlay.path, String(index));
      mkdirSync(folder);
      execFileSync(fixture('ops'), ['prepare', folder, `${count}`, '2', ...kinds]);
      cgroup.run(fixture('ops'), 'run', folder, `${count}`, '2', '-', ...kinds);
    }
    const totals = attached.it.read();
    const of = (op: Op): [own: number, together: number] => {
      const counts = (isTogether: boolean): number =>
        totals
          .filter(({ cgroupId }) => (cgroupId === null) === isTogether)
          .reduce((sum, { operations }) => sum + (operations[op]?.buckets.reduce((a, b) => a + b) ?? 0), 0);
      return [counts(false), counts(true)];
    };
    assert.deepEqual(of('sync'), [4 * count, 6 * count]);
    assert.deepEqual(of('readdir'), [4 * 2 * count, 6 * 2 * count]);
    assert.deepEqual(of('setattr'), [4 * count, 6 * count]);
  });
});
