/** Every way to attach to overlayfs that a kernel offers, and what it counts there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import { METHODS, type Method } from '../../../src/receivers/overlayfs/probes.ts';
import type { OverlayfsOptions, OverlayfsReceiver } from '../../../src/receivers/overlayfs/receiver.ts';
import { type Cgroup, createCgroup } from '../../support/cgroup.ts';
import { fixture } from '../../support/fixtures.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { attempted, count, OPTIONS } from '../../support/overlayfs-receiver.ts';
import { createPidNamespace, type PidNamespace } from '../../support/pid-namespace.ts';
import { missing } from '../../support/requirements.ts';
import { scaled } from '../../support/scale.ts';
import { mountTracefs } from '../../support/tracefs.ts';

/** What misses nothing on this kernel; no kernel interrupts programs on kprobes and on classic tracepoints. */
const EXACT = process.env.TEST_EXACT?.split(',') ?? ['kprobe', 'syscall_classic'];

/** What the I/O program says that it did. */
interface Done {
  readonly reads: number;
  readonly writes: number;
}

suite('attached to overlayfs', { skip: missing('root', 'btf') }, () => {
  for (const method of METHODS) {
    test(`by ${method} all that 8 and 64 threads do is counted, or counted as missed`, async (context) => {
      await using attached = await attachedBy(method, context);
      if (attached === null) return;
      const { receiver, cgroup, file } = attached;
      const done = [
        runIo(cgroup, file, { reads: 20_000, writes: 10_000, threads: 8 }),
        runIo(cgroup, file, { reads: 2000, writes: 1000, threads: 64 }),
      ].reduce(sum);
      context.diagnostic(`found: ${assertAccounted(snapshot(receiver, cgroup), done, EXACT.includes(method))}`);
    });

    test(`by ${method} only the chosen one of two PID namespaces is counted`, {
      skip: missing('pid namespaces'),
    }, async (context) => {
      await using chosen = await createPidNamespace();
      await using other = await createPidNamespace();
      await using attached = await attachedBy(method, context, { pidNsInum: chosen.inum });
      if (attached === null) return;
      const { receiver, cgroup, file } = attached;
      const inNamespace = async ({ enter }: PidNamespace, file: string): Promise<Done> => {
        const command = ioCommand(file, { reads: 2000, writes: 1000, threads: 2 });
        const { stdout } = await promisify(execFile)(...cgroup.wrap(...enter, ...command));
        return JSON.parse(stdout);
      };
      const [done] = await Promise.all([inNamespace(chosen, file), inNamespace(other, `${file}-too`)]);
      context.diagnostic(`found: ${assertAccounted(snapshot(receiver, cgroup), done, EXACT.includes(method))}`);
    });
  }

  test('by the way that it chooses all is counted exactly', async (context) => {
    await using attached = await attachedBy('auto', context);
    assert.ok(attached);
    const { receiver, cgroup, file } = attached;
    const work = (): Done => runIo(cgroup, file, { reads: 10_000, writes: 5000, threads: 8 });
    // One that misses something in spite of its trial shows it under such a load, and is left.
    let chosen: string | null;
    do {
      chosen = receiver.method;
      work();
      await receiver.supervise();
    } while (receiver.method !== chosen);
    const before = snapshot(receiver, cgroup);
    const done = work();
    const { reads, writes, missed } = snapshot(receiver, cgroup);
    const since = { reads: reads - before.reads, writes: writes - before.writes, missed: missed - before.missed };
    context.diagnostic(`found: ${chosen}, ${assertAccounted(since, done, true)}`);
  });
});

/** As many of each by every thread, or fewer where the machine is emulated. */
interface Load {
  readonly reads: number;
  readonly writes: number;
  readonly threads: number;
}

function ioCommand(file: string, { reads, writes, threads }: Load): [string, ...string[]] {
  return [fixture('io'), 'mixed', file, `${scaled(reads)}`, `${scaled(writes)}`, `${threads}`];
}

function runIo(cgroup: Cgroup, file: string, load: Load): Done {
  return JSON.parse(cgroup.run(...ioCommand(file, load)));
}

function sum(a: Done, b: Done): Done {
  return { reads: a.reads + b.reads, writes: a.writes + b.writes };
}

interface Attached extends AsyncDisposable {
  readonly receiver: OverlayfsReceiver;
  readonly cgroup: Cgroup;
  /** On an overlay. */
  readonly file: string;
}

/** null where this kernel does not let it: then the test is skipped, with the reason. */
async function attachedBy(
  method: Method | 'auto',
  context: TestContext,
  options: Partial<OverlayfsOptions> = {},
): Promise<Attached | null> {
  await using stack = new AsyncDisposableStack();
  stack.use(mountTracefs());
  const attach = method === 'auto' ? {} : { attach: method, tryBy: async () => null };
  const receiver = await attempted({ ...OPTIONS, ...attach, ...options });
  if (receiver instanceof Error) {
    // One line that names the way.
    assert.match(receiver.message, new RegExp(`^Cannot attach to overlayfs by ${method}: .+$`));
    context.skip(receiver.message);
    return null;
  }
  stack.use(receiver);
  if (method !== 'auto') assert.equal(receiver.it.method, method);
  const cgroup = stack.use(createCgroup(method));
  const overlay = stack.use(mountOverlay());
  const rest = stack.move();
  return {
    receiver: receiver.it,
    cgroup,
    file: join(overlay.path, 'file'),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

interface Snapshot {
  readonly reads: number;
  readonly writes: number;
  /** Runs of the exits that did not happen, and exits without an entry. */
  readonly missed: number;
}

/** Nothing is counted twice, and what is not counted is a miss. @returns how much was counted */
function assertAccounted({ reads, writes, missed }: Snapshot, done: Done, exactly: boolean): string {
  if (exactly || missed === 0) {
    assert.deepEqual({ reads, writes, missed }, { reads: done.reads, writes: done.writes, missed: 0 });
  }
  assert.ok(reads <= done.reads && writes <= done.writes, `${reads} and ${writes} of ${JSON.stringify(done)}`);
  const left = done.reads + done.writes - reads - writes;
  assert.ok(left <= missed, `${left} were not counted, and ${missed} counted as missed`);
  return left === 0 ? 'exact' : `${percent(reads, done.reads)} r, ${percent(writes, done.writes)} w`;
}

function snapshot(receiver: OverlayfsReceiver, cgroup: Cgroup): Snapshot {
  const id = cgroupIdOf(findHierarchy(), cgroup.name);
  const { read, write } = receiver.read().find(({ cgroupId }) => cgroupId === id)?.operations ?? {};
  const { skipped_entry, skipped_exit, no_start } = receiver.misses();
  return {
    reads: read === undefined ? 0 : count(read),
    writes: write === undefined ? 0 : count(write),
    // On system calls an exit without an entry is that of any other call.
    missed: skipped_exit + (receiver.method?.startsWith('syscall') ? skipped_entry : no_start),
  };
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
