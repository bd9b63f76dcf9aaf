/** Which system calls are operations, and of which kind, in each form in which they can name a file. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import type { OverlayfsReceiver } from '../../../src/receivers/overlayfs/receiver.ts';
import { type Cgroup, createCgroup } from '../../support/cgroup.ts';
import { fixture } from '../../support/fixtures.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { attempted, count, OPTIONS } from '../../support/overlayfs-receiver.ts';
import { missing } from '../../support/requirements.ts';
import { mountTracefs } from '../../support/tracefs.ts';

const CALLS = 3;

type Counts = Readonly<Record<string, number>>;

// The program leaves out what the kernel does not have.
if (missing('32-bit calls') !== false) process.env.NO_COMPAT = '1';

suite('system calls on overlayfs', { skip: missing('root', 'btf') }, () => {
  for (const attach of ['syscall', 'syscall_classic'] as const) {
    test(`by ${attach} each is counted as what it is, and those by a path and on other filesystems are not`, async (context) => {
      using _tracefs = mountTracefs();
      const program = fixture('calls', '-static');
      const receiver = await attempted({ ...OPTIONS, attach, tryBy: async () => null });
      if (receiver instanceof Error) return context.skip(receiver.message);
      using attached = receiver;
      await using cgroup = createCgroup('calls');
      using overlay = mountOverlay();

      const unreadable = attached.it.misses().unreadable_name;
      const [expected, counted] = countedBy(attached.it, cgroup, [program, overlay.path, `${CALLS}`]);
      if (!isSame(expected, counted)) assert.deepEqual(differences(attached.it, cgroup, program, overlay.path), []);
      assert.deepEqual(counted, expected);
      assert.equal(attached.it.misses().unreadable_name, unreadable + CALLS);

      const elsewhere = mkdtempSync('/dev/shm/floatie-calls-');
      try {
        const [, there] = countedBy(attached.it, cgroup, [program, elsewhere, `${CALLS}`]);
        assert.deepEqual(Object.values(there).filter(Boolean), []);
      } finally {
        rmSync(elsewhere, { recursive: true });
      }
    });
  }
});

/** Each kind by itself, to say which one is counted wrongly. */
function differences(receiver: OverlayfsReceiver, cgroup: Cgroup, program: string, overlay: string): string[] {
  const parent = join(overlay, 'one by one');
  mkdirSync(parent);
  return cgroup
    .run(program, 'kinds')
    .trim()
    .split('\n')
    .flatMap((kind) => {
      const [expected, counted] = countedBy(receiver, cgroup, [program, parent, `${CALLS}`, kind]);
      return isSame(expected, counted)
        ? []
        : [`${kind}: ${JSON.stringify(counted)} in place of ${JSON.stringify(expected)}`];
    });
}

/** @returns what the program says that it did, and what was counted meanwhile */
function countedBy(
  receiver: OverlayfsReceiver,
  cgroup: Cgroup,
  [program, ...args]: readonly [string, ...string[]],
): [Counts, Counts] {
  const before = successes(receiver, cgroup);
  const did: Counts = JSON.parse(cgroup.run(program, ...args));
  const after = successes(receiver, cgroup);
  const since = Object.keys(did).map((op) => [op, (after[op] ?? 0) - (before[op] ?? 0)] as const);
  return [did, Object.fromEntries(since)];
}

function successes(receiver: OverlayfsReceiver, { name }: Cgroup): Counts {
  const id = cgroupIdOf(findHierarchy(), name);
  const { operations = {} } = receiver.read().find(({ cgroupId }) => cgroupId === id) ?? {};
  return Object.fromEntries(Object.entries(operations).map(([op, totals]) => [op, count(totals)]));
}

function isSame(expected: Counts, counted: Counts): boolean {
  return Object.entries(expected).every(([op, calls]) => counted[op] === calls);
}
