/** Copy-ups by all that causes them: exact on functions, and inferred from opens on system calls. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import type { Method } from '../../../src/receivers/overlayfs/probes.ts';
import type { OverlayfsReceiver } from '../../../src/receivers/overlayfs/receiver.ts';
import { type Cgroup, createCgroup } from '../../support/cgroup.ts';
import { fixture } from '../../support/fixtures.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { attempted, count, OPTIONS } from '../../support/overlayfs-receiver.ts';
import { missing } from '../../support/requirements.ts';
import { scaled } from '../../support/scale.ts';
import { mountTracefs } from '../../support/tracefs.ts';

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
/** Each thread changes so many files in thirteen ways; with TEST_SCALE=5 these are 10,400 changes. */
const FILES = Math.max(scaled(20), 2);

suite('copy-up', { skip: missing('root', 'btf') }, () => {
  for (const method of ['fentry', 'kprobe'] as const) {
    test(`by ${method} each copy is counted once, with its bytes and its cause`, async (context) => {
      await using attached = await attachedBy(method, context);
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
    });
  }

  for (const method of ['syscall', 'syscall_classic'] as const) {
    test(`by ${method} copies of data by opens are inferred, and nothing where nothing is copied`, async (context) => {
      await using attached = await attachedBy(method, context);
      if (attached === null) return;
      attached.quiet();
      assert.deepEqual(attached.inferred(), { copies: 0, bytes: 0 });
      const { filled, open } = attached.run('index=off');
      const { copies, bytes } = attached.inferred();
      context.diagnostic(`found: ${copies} of ${filled}, ${bytes} of ${open.bytes} bytes`);
      assert.ok(copies >= 0.99 * filled && copies <= filled, `${copies} of ${filled}`);
      assert.ok(bytes >= 0.99 * open.bytes && bytes <= open.bytes, `${bytes} of ${open.bytes} bytes`);
    });
  }
});

function sum(a: Done, b: Done): Done {
  return eachCause((cause) => ({ copies: a[cause].copies + b[cause].copies, bytes: a[cause].bytes + b[cause].bytes }));
}

function eachCause(get: (cause: Cause) => Copies): Done {
  return Object.fromEntries(CAUSES.map((cause) => [cause, get(cause)])) as Done;
}

/** null where this kernel does not let it: then the test is skipped, with the reason. */
async function attachedBy(method: Method, context: TestContext) {
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
  execFileSync(program, ['make', lower, `${FILES}`, `${THREADS}`]);
  const rest = stack.move();
  return {
    receiver: receiver.it,
    /** What it says that it did. */
    run(index: 'index=off' | 'index=on'): Done & { readonly filled: number } {
      using overlay = mountOverlay(lower, undefined, [index]);
      const isIndexed = index === 'index=on' ? '1' : '0';
      return JSON.parse(cgroup.run(program, 'run', overlay.path, `${FILES}`, `${THREADS}`, isIndexed));
    },
    /** Opens files to write, and copies nothing. */
    quiet(): void {
      using overlay = mountOverlay(lower);
      cgroup.run(program, 'quiet', overlay.path, `${FILES}`);
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
