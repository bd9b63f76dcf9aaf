/** Tasks that are moved to another cgroup in the middle of a read. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import { METHODS } from '../../../src/receivers/overlayfs/probes.ts';
import type { OverlayfsReceiver } from '../../../src/receivers/overlayfs/receiver.ts';
import { type Cgroup, createCgroup } from '../../support/cgroup.ts';
import { eventually } from '../../support/eventually.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { attempted, count, OPTIONS } from '../../support/overlayfs-receiver.ts';
import { missing } from '../../support/requirements.ts';
import { mountSlow } from '../../support/slow.ts';
import { mountTracefs } from '../../support/tracefs.ts';

/** Of a read: long enough to move its task meanwhile. */
const READ_US = 1_000_000;
/** In /proc/PID/syscall: the number of read, and its first argument. */
const READ_OF_0 = process.arch === 'x64' ? /^0 0x0 / : /^63 0x0 /;

suite('a task that is moved to another cgroup', { skip: missing('root', 'btf', 'fuse') }, () => {
  for (const method of METHODS) {
    test(`by ${method} a read is of the cgroup in which it began, and is chosen or not by that`, async (context) => {
      using _tracefs = mountTracefs();
      await using slow = await mountSlow([READ_US]);
      using overlay = mountOverlay(slow.path);
      await using chosen = createCgroup('chosen');
      await using other = createCgroup('other');
      const options = { ...OPTIONS, attach: method, tryBy: async () => null };
      const all = await attempted(options);
      if (all instanceof Error) return context.skip(all.message);
      using ofAll = all;
      const some = await attempted({ ...options, cgroupId: cgroupIdOf(findHierarchy(), chosen.name) });
      if (some instanceof Error) throw some;
      using ofChosen = some;

      const file = join(overlay.path, 'slow');
      const [leaving, entering] = [startReading(chosen, file), startReading(other, file)];
      await Promise.all([move(leaving, other), move(entering, chosen)]);
      assert.deepEqual(await Promise.all([leaving, entering].map(exitCode)), [0, 0]);

      const reads = (receiver: OverlayfsReceiver): number[] =>
        [chosen, other].map(({ name }) => readsOf(receiver, name));
      assert.deepEqual({ all: reads(ofAll.it), chosen: reads(ofChosen.it) }, { all: [1, 1], chosen: [1, 0] });
      assert.equal(ofChosen.it.misses().stale_start, 0);
    });
  }
});

/** One read, of one byte. */
function startReading(cgroup: Cgroup, file: string): ChildProcess {
  const [command, args] = cgroup.wrap('dd', `if=${file}`, 'of=/dev/null', 'bs=1', 'count=1');
  return spawn(command, args, { stdio: 'ignore' });
}

/** Once the read is under way. */
async function move({ pid }: ChildProcess, to: Cgroup): Promise<void> {
  await eventually('the read waits', () => isReading(pid));
  writeFileSync(join(to.path, 'cgroup.procs'), `${pid}`);
  assert.ok(isReading(pid), 'the read ended before its task was moved');
}

/** dd reads from descriptor 0; it waits for nothing else that is called like this. */
function isReading(pid: number | undefined): boolean {
  return READ_OF_0.test(readFileSync(`/proc/${pid}/syscall`, 'utf8'));
}

async function exitCode(process: ChildProcess): Promise<number | null> {
  if (process.exitCode === null) await once(process, 'exit');
  return process.exitCode;
}

function readsOf(receiver: OverlayfsReceiver, cgroup: string): number {
  const id = cgroupIdOf(findHierarchy(), cgroup);
  const totals = receiver.read().find(({ cgroupId }) => cgroupId === id);
  return count(totals?.operations.read);
}
