/** Every kind of I/O on overlayfs, by every way to attach that this kernel offers, is counted as io-kinds.ts says. */
import assert from 'node:assert/strict';
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { OverlayfsReceiver } from '../../src/receivers/overlayfs.ts';
import type { CgroupTotals, OperationTotals } from '../../src/receivers/overlayfs-counts.ts';
import { createCgroup } from '../support/cgroup.ts';
import { fixture } from '../support/fixtures.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { mountTracefs } from '../support/tracefs.ts';
import { type Outcome, ROWS, type Row, type Seen, seenByFunctions } from './io-kinds.ts';

/** Of each kind. */
const OPERATIONS = 5;
const PAGE = 4096;
const OUTCOMES: readonly Outcome[] = ['sample', 'error', 'zero', 'async'];

suite('kinds of I/O', { skip: missing('root', 'btf') }, () => {
  for (const method of ['fentry', 'kprobe', 'syscall', 'syscall_classic'] as const) {
    test(`every kind of I/O is counted by ${method} as the README says`, async (context) => {
      using _tracefs = mountTracefs();
      using files = createFiles();
      const options = { boundsNs: [1e9], pidNsInum: 0, maxMapEntries: 128, expireMs: 60_000 };
      const cgroupVersion = findHierarchy().version;
      const objects = fileURLToPath(new URL(`../../dist/bpf/${process.arch}/`, import.meta.url));
      let receiver: OverlayfsReceiver;
      try {
        receiver = await OverlayfsReceiver.start({ ...options, cgroupVersion, objects, attach: method });
      } catch (error) {
        return context.skip((error as Error).message);
      }
      try {
        const problems: string[] = [];
        for (const row of rowsOfThisMachine()) {
          const isOnFunctions = method === 'fentry' || method === 'kprobe';
          const seen = isOnFunctions ? seenByFunctions(row, release()) : row.syscalls;
          for (const kind of new Set([...row.reads, ...row.writes])) {
            const missedBefore = missed(receiver);
            const counted = await count(receiver, kind, row, files.of(row));
            const lost = missed(receiver) - missedBefore;
            if (lost > 0) context.diagnostic(`${kind}: ${lost} runs of the programs were left out by the kernel`);
            problems.push(
              ...differences(`${kind}, reads`, counted?.read, row.reads.includes(kind) ? seen : [], lost),
              ...differences(`${kind}, writes`, counted?.write, row.writes.includes(kind) ? seen : [], lost),
            );
          }
        }
        assert.deepEqual(problems, []);
      } finally {
        receiver.stop();
      }
    });
  }
});

function rowsOfThisMachine(): Row[] {
  return ROWS.filter(({ x86 }) => !x86 || process.arch === 'x64');
}

/** Does operations of one kind in a cgroup of its own. @returns what was counted there */
async function count(
  receiver: OverlayfsReceiver,
  kind: string,
  { fails }: Row,
  file: string,
): Promise<CgroupTotals['operations'] | undefined> {
  await using cgroup = createCgroup('kind');
  const did = JSON.parse(cgroup.run(fixture('kinds', '-static'), kind, file, String(OPERATIONS)));
  assert.deepEqual(did, { operations: OPERATIONS, failed: fails ? OPERATIONS : 0 }, `what ${kind} did`);
  const id = cgroupIdOf(findHierarchy(), cgroup.name);
  return receiver.read().find(({ cgroupId }) => cgroupId === id)?.operations;
}

/** Where programs were not run, up to so much less was counted. */
function missed(receiver: OverlayfsReceiver): number {
  const { skipped_entry, skipped_exit } = receiver.misses();
  return skipped_entry + skipped_exit;
}

function differences(name: string, totals: OperationTotals | undefined, seen: Seen, lost: number): string[] {
  const counted = countsOf(totals);
  const check = (what: string, count: number, certain: Seen, possible: Seen): string[] => {
    const least = OPERATIONS * certain.length - lost;
    const most = OPERATIONS * possible.length;
    return count >= least && count <= most ? [] : [`${name}: ${count} ${what}, not ${least} to ${most}`];
  };
  const all = OUTCOMES.reduce((sum, outcome) => sum + counted[outcome], 0);
  return [
    ...OUTCOMES.flatMap((outcome) =>
      check(
        outcome,
        counted[outcome],
        seen.filter((call) => call.every((each) => each === outcome)),
        seen.filter((call) => call.includes(outcome)),
      ),
    ),
    ...check(
      'in all',
      all,
      seen.filter((call) => !call.includes(null)),
      seen,
    ),
  ];
}

function countsOf(totals: OperationTotals | undefined): Record<Outcome, number> {
  if (totals === undefined) return { sample: 0, error: 0, zero: 0, async: 0 };
  const { buckets, errors, zeros, async } = totals;
  return { sample: buckets.reduce((a, b) => a + b), error: errors, zero: zeros, async };
}

/** An overlay, and another on top of it; files with all that the kinds need. */
function createFiles(): Disposable & { of(row: Row): string } {
  using stack = new DisposableStack();
  const lower = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-lower-')), (path) => rmSync(path, { recursive: true }));
  writeFileSync(join(lower, 'file'), Buffer.alloc(2 * OPERATIONS * PAGE));
  for (let index = 0; index < OPERATIONS; index++) writeFileSync(join(lower, `file.${index}`), Buffer.alloc(PAGE));
  copyFileSync(fixture('kinds', '-static'), join(lower, 'program'));
  writeFileSync(join(lower, 'copy'), Buffer.alloc(OPERATIONS * PAGE));
  const inner = stack.use(mountOverlay(lower)).path;
  const outer = stack.use(mountOverlay(inner)).path;
  closeSync(openSync(join(outer, 'copy'), 'r+'));
  const disposed = stack.move();
  return {
    of({ file }) {
      if (file === 'program') return join(inner, 'program');
      if (file === 'outer file') return join(outer, 'file');
      return file === 'outer copy' ? join(outer, 'copy') : join(inner, 'file');
    },
    [Symbol.dispose]: () => disposed.dispose(),
  };
}
