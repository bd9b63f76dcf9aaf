/** Does copy-ups by all that causes them, and compares what a receiver counts of them: see test/fixtures/copyup.c. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import type { Method } from '../../src/receivers/overlayfs/probes.ts';
import type { OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { type Cgroup, createCgroup } from './cgroup.ts';
import { fixture } from './fixtures.ts';
import { mountOverlay } from './overlay.ts';
import { attempted, count, OPTIONS } from './overlayfs-receiver.ts';
import { mountTracefs } from './tracefs.ts';

/** What misses nothing on this kernel. */
const EXACT = process.env.TEST_EXACT?.split(',') ?? ['kprobe', 'syscall_classic'];

const CAUSES = ['open', 'setattr', 'rename', 'link', 'xattr', 'other'] as const;

type Cause = (typeof CAUSES)[number];

interface Copies {
  readonly copies: number;
  readonly bytes: number;
}

type Done = Record<Cause, Copies>;

const THREADS = 8;

/** @param files how many each thread changes in each of thirteen ways */
export async function countCopyUps(method: 'fentry' | 'kprobe', files: number, context: TestContext): Promise<void> {
  await using attached = await attachedBy(method, files, context);
  if (attached === null) return;
  // With an index a file with several names is copied once; without, each name gets a copy of its own.
  const done = [attached.run('index=off'), attached.run('index=on')].reduce(
    sum,
    eachCause(() => ({ copies: 0, bytes: 0 })),
  );
  const { skipped_entry, skipped_exit, no_start } = attached.receiver.misses();
  const missed = skipped_entry + skipped_exit + no_start;
  const counted = attached.counted();
  if (EXACT.includes(method) || missed === 0) assert.deepEqual(counted, done);
  context.diagnostic(`found: ${isDeepStrictEqual(counted, done) ? 'exact' : `${missed} missed`}`);
}

/** @param files as above */
export async function inferCopyUps(
  method: 'syscall' | 'syscall_classic',
  files: number,
  context: TestContext,
): Promise<void> {
  await using attached = await attachedBy(method, files, context);
  if (attached === null) return;
  attached.quiet();
  assert.deepEqual(attached.inferred(), { copies: 0, bytes: 0 });
  const { filled, open } = attached.run('index=off');
  const { copies, bytes } = attached.inferred();
  context.diagnostic(`found: ${copies} of ${filled}, ${bytes} of ${open.bytes} bytes`);
  assert.ok(copies >= 0.99 * filled && copies <= filled, `${copies} of ${filled}`);
  assert.ok(bytes >= 0.99 * open.bytes && bytes <= open.bytes, `${bytes} of ${open.bytes} bytes`);
}

function sum(a: Done, b: Done): Done {
  return eachCause((cause) => ({ copies: a[cause].copies + b[cause].copies, bytes: a[cause].bytes + b[cause].bytes }));
}

function eachCause(get: (cause: Cause) => Copies): Done {
  return Object.fromEntries(CAUSES.map((cause) => [cause, get(cause)])) as Done;
}

/** null where this kernel does not let it: then the test is skipped, with the reason. */
async function attachedBy(method: Method, files: number, context: TestContext) {
  await using stack = new AsyncDisposableStack();
  stack.use(mountTracefs());
  const receiver = await attempted({ ...OPTIONS, attach: method, tryBy: async () => null });
  if (receiver instanceof Error) {
    context.skip(receiver.message);
    return null;
  }
  stack.use(receiver);
  const cgroup = stack.use(createCgroup(method));
  const lower = mkdtempSync(join(tmpdir(), 'floatie-lower-'));
  stack.defer(() => rmSync(lower, { recursive: true }));
  const program = fixture('copyup');
  execFileSync(program, ['make', lower, `${files}`, `${THREADS}`]);
  const rest = stack.move();
  return {
    receiver: receiver.it,
    /** What it says that it did. */
    run(index: 'index=off' | 'index=on'): Done & { readonly filled: number } {
      using overlay = mountOverlay(lower, undefined, [index]);
      const isIndexed = index === 'index=on' ? '1' : '0';
      return JSON.parse(cgroup.run(program, 'run', overlay.path, `${files}`, `${THREADS}`, isIndexed));
    },
    /** Opens files to write, and copies nothing. */
    quiet(): void {
      using overlay = mountOverlay(lower);
      cgroup.run(program, 'quiet', overlay.path, `${files}`);
    },
    counted: (): Done => eachCause((cause) => copiesOf(receiver.it, cgroup, cause)),
    inferred: (): Copies => copiesOf(receiver.it, cgroup, 'inferred'),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function copiesOf(receiver: OverlayfsReceiver, cgroup: Cgroup, cause: Cause | 'inferred'): Copies {
  const id = cgroupIdOf(findHierarchy(), cgroup.name);
  const totals = receiver.read().find(({ cgroupId }) => cgroupId === id)?.operations[`copy_up_${cause}`];
  return { copies: count(totals), bytes: totals?.bytes ?? 0 };
}
