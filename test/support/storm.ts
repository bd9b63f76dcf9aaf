/** Threads that read and write an overlay while processes among them fork, exit and are killed; and what must hold then. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { type OverlayfsOptions, OverlayfsReceiver } from '../../src/receivers/overlayfs.ts';
import type { OperationTotals } from '../../src/receivers/overlayfs-counts.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import { mountOverlay } from './overlay.ts';
import { missing } from './requirements.ts';
import { mountTracefs } from './tracefs.ts';

const PROCESSES = 8;
const THREADS = 8;

interface Did {
  readonly reads_begun: number;
  readonly reads_done: number;
  readonly writes_begun: number;
  readonly writes_done: number;
  readonly killed: number;
  readonly forked: number;
}

const OPTIONS: Omit<OverlayfsOptions, 'boundsNs'> = {
  pidNsInum: 0,
  maxMapEntries: 16,
  cgroupVersion: findHierarchy().version,
  expireMs: 60_000,
  objects: fileURLToPath(new URL(`../../dist/bpf/${process.arch}/`, import.meta.url)),
};

/** Nothing else may use overlayfs meanwhile. */
export function testStorms(seconds: number): void {
  suite(`${PROCESSES * THREADS} threads among forks, exits and kills`, { skip: missing('root', 'btf') }, () => {
    for (const attach of ['fentry', 'kprobe', 'syscall', 'syscall_classic'] as const) {
      test(`by ${attach} each operation is counted once, or counted as missed`, (context) =>
        testStorm({ ...OPTIONS, attach }, seconds, context));
    }
    test('with starts in a hash each operation is counted once, and no start stays', (context) =>
      testStorm({ ...OPTIONS, attach: 'syscall', features: { taskStorage: false } }, seconds, context));
  });
}

async function testStorm(
  options: Omit<OverlayfsOptions, 'boundsNs'>,
  seconds: number,
  context: TestContext,
): Promise<void> {
  using _tracefs = mountTracefs();
  using overlay = mountOverlay();
  const file = join(overlay.path, 'file');
  // Far above what a run can take: everything beyond is absurd.
  const attempt = await OverlayfsReceiver.start({ ...options, boundsNs: [(seconds + 60) * 1e9] }).catch(
    (error: Error) => error,
  );
  if (attempt instanceof Error) return context.skip(attempt.message);
  using receiver = stoppedAtTheEnd(attempt);
  const before = mapsOfThisProcess();
  const begun = performance.now();
  const args = [file, seconds, PROCESSES, THREADS].map(String);
  const did = JSON.parse(execFileSync(fixture('storm'), args, { encoding: 'utf8' })) as Did;
  const wallNs = (performance.now() - begun) * 1e6;
  assert.ok(did.killed > seconds && did.forked > seconds, JSON.stringify(did));

  const misses = receiver.it.misses();
  const missed = misses.skipped_exit + misses.no_start;
  context.diagnostic(`${JSON.stringify(did)}, ${missed} missed`);
  for (const op of ['read', 'write'] as const) {
    const totals = receiver.it.read().map(({ operations }) => operations[op]);
    const sum = (of: (one: OperationTotals) => number): number => totals.reduce((all, one) => all + of(one), 0);
    const counted = sum(({ buckets, errors, zeros }) => (buckets[0] ?? 0) + errors + zeros);
    const [begunOf, doneOf] = [did[`${op}s_begun`], did[`${op}s_done`]];
    assert.ok(
      counted <= begunOf && counted + missed >= doneOf,
      `${op}: ${counted} counted and ${missed} missed of ${doneOf} to ${begunOf}`,
    );
    assert.equal(
      sum(({ buckets }) => buckets[1] ?? 0),
      0,
      'no sample is absurd',
    );
    // A thread of its own for each, and the children that they fork.
    const threadsNs = sum(({ sumNs }) => sumNs);
    assert.ok(threadsNs > 0 && threadsNs <= 2 * PROCESSES * THREADS * wallNs, `${threadsNs} of ${wallNs} ns`);
  }
  const { storage, starts_full, clock, stale_start } = misses;
  assert.deepEqual({ storage, starts_full, clock }, { storage: 0, starts_full: 0, clock: 0 });
  if (missed === 0) assert.equal(stale_start, 0);
  await eventually('the kernel memory of threads that are gone is free', () => {
    const now = mapsOfThisProcess();
    return bytesOf(now) <= bytesOf(before) && startsIn(now) === 0;
  });
}

function stoppedAtTheEnd(it: OverlayfsReceiver): Disposable & { readonly it: OverlayfsReceiver } {
  return { it, [Symbol.dispose]: () => it.stop() };
}

interface BpfMapInfo {
  readonly id: number;
  readonly name: string;
  readonly bytes_memlock: number;
}

/** As bpftool shows them. */
function mapsOfThisProcess(): BpfMapInfo[] {
  const ids = readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    const path = `/proc/self/fdinfo/${fd}`;
    // That of the folder itself is gone.
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return /^map_id:\s*(\d+)/m.exec(text)?.[1] ?? [];
  });
  return [...new Set(ids)].map((id) => bpftool('map', 'show', 'id', id) as BpfMapInfo);
}

function bytesOf(maps: readonly BpfMapInfo[]): number {
  return maps.reduce((sum, { bytes_memlock }) => sum + bytes_memlock, 0);
}

/** Entries of the hash of starts; the other kind of storage cannot be listed, and ends with its thread. */
function startsIn(maps: readonly BpfMapInfo[]): number {
  const hash = maps.find(({ name }) => name === 'threads_by_id');
  return hash === undefined ? 0 : (bpftool('map', 'dump', 'id', String(hash.id)) as unknown[]).length;
}

function bpftool(...args: string[]): unknown {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  return JSON.parse(execFileSync('bpftool', ['-j', ...args], { encoding: 'utf8', env }));
}
