/** Threads of others have records in memory that Floatie pays for: how many is bounded. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import { METHODS } from '../../../src/receivers/overlayfs/probes.ts';
import { createCgroup } from '../../support/cgroup.ts';
import { eventually } from '../../support/eventually.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { attempted, count, OPTIONS } from '../../support/overlayfs-receiver.ts';
import { missing } from '../../support/requirements.ts';
import { startThreads } from '../../support/threads.ts';
import { mountTracefs } from '../../support/tracefs.ts';

const MAX_THREADS = 100;
/** Each CPU may add one before it sees that the others have. */
const MORE = 8;
/** What misses nothing on this kernel; no kernel interrupts programs on kprobes and on classic tracepoints. */
const EXACT = process.env.TEST_EXACT?.split(',') ?? ['kprobe', 'syscall_classic'];

suite('threads that live', { skip: missing('root', 'btf') }, () => {
  for (const method of METHODS) {
    test(`by ${method} what more of them do than may be followed is missed, and those that end make room`, async (context) => {
      using _tracefs = mountTracefs();
      using overlay = mountOverlay();
      const file = join(overlay.path, 'file');
      execFileSync('truncate', ['-s', '1', file]);
      await using cgroup = createCgroup('threads');
      const cgroupId = cgroupIdOf(findHierarchy(), cgroup.name);
      // Who starts the threads has opened the file.
      const options = { ...OPTIONS, attach: method, maxThreads: MAX_THREADS, cgroupId, operations: ['read' as const] };
      const attempt = await attempted(options);
      if (attempt instanceof Error) return context.skip(attempt.message);
      using receiver = attempt;
      const counted = (): number => receiver.it.read().reduce((sum, { operations }) => sum + count(operations.read), 0);
      /** A kernel that interrupts programs skips others meanwhile, and tells how many. */
      const skipped = (): number => {
        const { skipped_entry, skipped_exit } = receiver.it.misses();
        return EXACT.includes(method) ? 0 : skipped_entry + skipped_exit;
      };
      {
        await using _ = await startThreads(cgroup, file, 150);
        if (receiver.it.threads() === null) {
          // Before Linux 5.11 there are records of operations only.
          assert.deepEqual([counted(), receiver.it.misses().starts_full], [150, 0]);
          return;
        }
        const { starts_full } = receiver.it.misses();
        assert.ok(
          counted() >= MAX_THREADS - skipped() && counted() <= MAX_THREADS + MORE,
          `${counted()} were followed`,
        );
        assertBetween(starts_full, 150 - counted() - skipped(), 150 - counted());
        // The read of a thread that has a record may have been missed at its end.
        assertBetween(receiver.it.threads(), counted(), counted() + skipped());
      }
      await eventually('the records of all have gone', async () => {
        // Takes off those whose end the kernel did not let the program see, as Floatie does each second.
        await receiver.it.supervise();
        return receiver.it.threads() === 0;
      });
      const [before, skippedBefore] = [counted(), skipped()];
      await using _ = await startThreads(cgroup, file, MAX_THREADS);
      assertBetween(counted() - before, MAX_THREADS - (skipped() - skippedBefore), MAX_THREADS);
    });
  }
});

function assertBetween(value: number | null, least: number, most: number): void {
  assert.ok(value !== null && value >= least && value <= most, `${value}, not ${least} to ${most}`);
}
