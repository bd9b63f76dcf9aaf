/** Does I/O of each kind in live/io-kinds.ts, and compares the counts with the table there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { type CgroupTotals, failedOf } from '../../src/receivers/overlayfs/counts.ts';
import type { Op } from '../../src/receivers/overlayfs/operations.ts';
import type { Method } from '../../src/receivers/overlayfs/probes.ts';
import type { OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { type Outcome, ROWS, type Row, type Seen, seenByFunctions } from '../live/io-kinds.ts';
import { createCgroup } from './cgroup.ts';
import { fixture } from './fixtures.ts';
import { lacksFullDisk, mountFullDisk } from './full-disk.ts';
import { mountOverlay } from './overlay.ts';
import { attempted, OPTIONS } from './overlayfs-receiver.ts';
import { missing } from './requirements.ts';
import { mountTracefs } from './tracefs.ts';

const OPERATIONS = 5;
const PAGE = 4096;
const OUTCOMES: readonly Outcome[] = ['sample', 'error', 'zero', 'async', 'splice', 'copy_range'];

/**
 * @param isChosen the rows to try; all when left out
 * @returns the wrong counts, or the reason why this kernel refuses the way to attach
 */
export async function tryKinds(
  method: Method,
  context: TestContext,
  isChosen: (row: Row) => boolean = () => true,
): Promise<string[] | Error> {
  using _tracefs = mountTracefs();
  using files = createFiles();
  const receiver = await attempted({ ...OPTIONS, maxMapEntries: 128, attach: method });
  if (receiver instanceof Error) return receiver;
  using attached = receiver;
  const isOnFunctions = method === 'fentry' || method === 'kprobe';
  const problems: string[] = [];
  for (const row of ROWS.filter(isChosen)) {
    const lacking = row.x86 === true && missing('32-bit calls');
    if (lacking !== false) {
      context.diagnostic(`left out: ${row.what}: ${lacking}`);
      continue;
    }
    if (row.file === 'full disk' && lacksFullDisk !== null) {
      context.diagnostic(`left out: ${row.what}: ${lacksFullDisk}`);
      continue;
    }
    const seen = isOnFunctions ? seenByFunctions(row, release()) : row.syscalls;
    for (const kind of new Set([...row.reads, ...row.writes])) {
      const missedBefore = missed(attached.it);
      const counted = await count(attached.it, kind, row, files.of(row));
      const lost = missed(attached.it) - missedBefore;
      if (lost > 0) context.diagnostic(`${kind}: ${lost} runs of the programs were left out by the kernel`);
      for (const [op, kinds] of [
        ['read', row.reads],
        ['write', row.writes],
      ] as const) {
        const isIts = kinds.includes(kind);
        problems.push(...differences(`${kind}, ${op}s`, countsOf(counted, op, isIts), isIts ? seen : [], lost));
      }
    }
  }
  return problems;
}

/** Does operations of one kind in a cgroup of its own. @returns the counts of that cgroup */
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

/** Runs of programs that the kernel skipped: at most so many operations are missing. */
function missed(receiver: OverlayfsReceiver): number {
  const { skipped_entry, skipped_exit } = receiver.misses();
  return skipped_entry + skipped_exit;
}

function differences(name: string, counted: Record<Outcome, number>, seen: Seen, lost: number): string[] {
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

/** @param withOthers what is counted as another operation, too */
function countsOf(
  operations: CgroupTotals['operations'] | undefined,
  op: 'read' | 'write',
  withOthers: boolean,
): Record<Outcome, number> {
  const samples = (of: Op): number => operations?.[of]?.buckets.reduce((a, b) => a + b) ?? 0;
  const totals = operations?.[op];
  return {
    sample: samples(op),
    error: totals === undefined ? 0 : failedOf(totals),
    zero: totals?.zeros ?? 0,
    async: totals?.async ?? 0,
    splice: withOthers ? samples('splice') : 0,
    copy_range: withOthers ? samples('copy_range') : 0,
  };
}

/** An overlay, another one on top of it, and files for all kinds. */
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
  execFileSync('mkfifo', [join(inner, 'fifo')]);
  // The numbers of /dev/zero.
  execFileSync('mknod', [join(inner, 'device'), 'c', '1', '5']);
  mkdirSync(join(inner, 'directory'));
  const onFullDisk = lacksFullDisk === null ? createFileOnFullDisk(stack) : '';
  const disposed = stack.move();
  return {
    of({ file = 'file' }) {
      if (file === 'outer file') return join(outer, 'file');
      if (file === 'full disk') return onFullDisk;
      return file === 'outer copy' ? join(outer, 'copy') : join(inner, file);
    },
    [Symbol.dispose]: () => disposed.dispose(),
  };
}

function createFileOnFullDisk(stack: DisposableStack): string {
  const disk = stack.use(mountFullDisk());
  const file = join(stack.use(mountOverlay(undefined, disk.path)).path, 'file');
  // A hole as large as all writes.
  execFileSync('truncate', ['-s', `${2 * OPERATIONS * PAGE}`, file]);
  disk.fill();
  return file;
}
