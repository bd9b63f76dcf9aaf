/** Reclaims of memory, on every kernel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import { OBJECTS } from '../../../src/receivers/receiver.ts';
import { ReclaimCounts, type ReclaimTotals } from '../../../src/receivers/reclaim/counts.ts';
import { createCgroup } from '../../support/cgroup.ts';
import { limit } from '../../support/oom.ts';
import { missing } from '../../support/requirements.ts';

const HIERARCHY = findHierarchy();
const OPTIONS = {
  boundsNs: [1000, 1_000_000, 1_000_000_000],
  pidNsInum: 0,
  cgroupVersion: HIERARCHY.version,
  expireMs: 60_000,
  objects: fileURLToPath(new URL(`../../../${OBJECTS}`, import.meta.url)),
};

suite('reclaims of memory', { skip: missing('root', 'btf') }, () => {
  test('are those of the cgroup that is at its limit, and take no longer than the program that waits', async () => {
    await using setup = start('short');
    const ns = setup.fill(setup.short);
    const { sumNs, buckets } = setup.totalsOf(setup.short) ?? assert.fail('none is counted');
    assert.ok(buckets.reduce((sum, count) => sum + count, 0) > 0);
    assert.ok(sumNs > 0 && sumNs < ns, `${sumNs} of ${ns} ns`);
    assert.deepEqual(setup.counts.misses(), { no_start: 0, skipped: 0 });
  });

  test('are counted for as many cgroups as there are map entries', async () => {
    await using setup = start('all', 3);
    for (const cgroup of [setup.short, setup.chosen]) setup.fill(cgroup);
    assert.ok(setup.totalsOf(setup.short));
    assert.ok(setup.totalsOf(setup.chosen));
    assert.equal(setup.counts.overflowed(), 0);
  });

  test('of other cgroups than the chosen one are not counted', async () => {
    await using setup = start('chosen');
    setup.fill(setup.short);
    setup.fill(setup.chosen);
    assert.equal(setup.totalsOf(setup.short), undefined);
    assert.ok(setup.totalsOf(setup.chosen));
  });
});

/** Two cgroups with a limit. @param counted those that are counted */
function start(counted: 'short' | 'chosen' | 'all', maxMapEntries = 16) {
  const stack = new AsyncDisposableStack();
  const [short, chosen] = [stack.use(createCgroup('short')), stack.use(createCgroup('chosen'))];
  for (const cgroup of [short, chosen]) limit(cgroup, 16);
  const idOf = ({ name }: typeof short): bigint => cgroupIdOf(HIERARCHY, name);
  const counts = ReclaimCounts.start({
    ...OPTIONS,
    maxMapEntries,
    cgroupId: counted === 'all' ? 0n : idOf({ short, chosen }[counted]),
  });
  stack.defer(() => counts.close());
  const folder = mkdtempSync('/var/tmp/floatie-reclaim-');
  stack.defer(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'file');
  // Not in the page cache, where it would count in another cgroup.
  execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', 'count=64', 'oflag=direct', 'status=none']);
  return {
    short,
    chosen,
    counts,
    /** Has it read more than fits. @returns for how long, in ns */
    fill(cgroup: typeof short): number {
      const began = process.hrtime.bigint();
      cgroup.run('dd', `if=${file}`, 'of=/dev/null', 'bs=64K');
      return Number(process.hrtime.bigint() - began);
    },
    totalsOf(cgroup: typeof short): ReclaimTotals | undefined {
      const id = idOf(cgroup);
      return counts.read().find(({ cgroupId }) => cgroupId === id)?.operations.reclaim;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
