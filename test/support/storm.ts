/** Threads read and write an overlay while processes fork, exit and are killed; checks the invariants. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { failedOf } from '../../src/receivers/overlayfs/counts.ts';
import type { OverlayfsOptions } from '../../src/receivers/overlayfs/receiver.ts';
import { createCgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import { mountOverlay } from './overlay.ts';
import { attempted, operationsOf, OPTIONS as RECEIVER_OPTIONS, sumByCause } from './overlayfs-receiver.ts';
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

type Options = Omit<OverlayfsOptions, 'boundsNs'>;

/** Leaves room for other users of overlayfs on the machine. */
const OPTIONS: Options = { ...RECEIVER_OPTIONS, maxMapEntries: 256 };

export function testStorms(seconds: number): void {
  suite(`${PROCESSES * THREADS} threads among forks, exits and kills`, { skip: missing('root', 'btf') }, () => {
    for (const attach of ['fentry', 'kprobe', 'syscall', 'syscall_classic'] as const) {
      test(`by ${attach} each operation is counted once, or counted as missed`, (context) =>
        testStorm({ ...OPTIONS, attach }, seconds, context));
    }
    test('with sleeps told apart each operation is counted once, and all parts are its time', (context) =>
      testStorm({ ...OPTIONS, attach: 'syscall', sleeps: true }, seconds, context));
    test('with starts in a hash each operation is counted once, and no start stays', (context) =>
      testStorm({ ...OPTIONS, attach: 'syscall', features: { taskStorage: false } }, seconds, context));
  });
}

async function testStorm(options: Options, seconds: number, context: TestContext): Promise<void> {
  using _tracefs = mountTracefs();
  using overlay = mountOverlay();
  await using cgroup = createCgroup('storm');
  const file = join(overlay.path, 'file');
  // Far above the duration of a run, so any value beyond it is wrong.
  const attempt = await attempted({ ...options, boundsNs: [(seconds + 60) * 1e9] });
  if (attempt instanceof Error) return context.skip(attempt.message);
  using receiver = attempt;
  const before = mapsOfThisProcess();
  const begun = performance.now();
  const args = [file, seconds, PROCESSES, THREADS].map(String);
  const did = JSON.parse(cgroup.run(fixture('storm'), ...args)) as Did;
  const wallNs = (performance.now() - begun) * 1e6;
  assert.ok(did.killed > seconds && did.forked > seconds, JSON.stringify(did));

  const misses = receiver.it.misses();
  const missed = misses.skipped_exit + misses.no_start;
  context.diagnostic(`${JSON.stringify(did)}, ${missed} missed`);
  const operations = operationsOf(receiver.it, cgroup);
  for (const op of ['read', 'write'] as const) {
    const { buckets, zeros, sumNs } = operations[op];
    const counted = (buckets[0] ?? 0) + failedOf(operations[op]) + zeros;
    const [begunOf, doneOf] = [did[`${op}s_begun`], did[`${op}s_done`]];
    assert.ok(
      counted <= begunOf && counted + missed >= doneOf,
      `${op}: ${counted} counted and ${missed} missed of ${doneOf} to ${begunOf}`,
    );
    assert.equal(buckets[1], 0, 'no sample is absurd');
    assert.equal(sumByCause(operations[op]), sumNs);
    // Each has a thread of its own, and the children that it forks.
    assert.ok(sumNs > 0 && sumNs <= 2 * PROCESSES * THREADS * wallNs, `${sumNs} of ${wallNs} ns`);
  }
  const { storage, starts_full, clock, stale_start } = misses;
  assert.deepEqual({ storage, starts_full, clock }, { storage: 0, starts_full: 0, clock: 0 });
  if (missed === 0) assert.equal(stale_start, 0);
  await eventually('the kernel memory of threads that are gone is free', () => {
    const now = mapsOfThisProcess();
    return bytesOf(now) <= bytesOf(before) && startsIn(now) === 0;
  });
}

interface BpfMapInfo {
  readonly id: number;
  readonly name: string;
  readonly bytes_memlock: number;
}

/** By bpftool. */
function mapsOfThisProcess(): BpfMapInfo[] {
  const ids = readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    const path = `/proc/self/fdinfo/${fd}`;
    // The descriptor of the folder itself is closed by now.
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return /^map_id:\s*(\d+)/m.exec(text)?.[1] ?? [];
  });
  return [...new Set(ids)].map((id) => bpftool('map', 'show', 'id', id) as BpfMapInfo);
}

function bytesOf(maps: readonly BpfMapInfo[]): number {
  return maps.reduce((sum, { bytes_memlock }) => sum + bytes_memlock, 0);
}

/** The entries in the hash of starts. Task storage cannot be listed, and ends with its thread. */
function startsIn(maps: readonly BpfMapInfo[]): number {
  const hash = maps.find(({ name }) => name === 'threads_by_id');
  return hash === undefined ? 0 : (bpftool('map', 'dump', 'id', String(hash.id)) as unknown[]).length;
}

function bpftool(...args: string[]): unknown {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  return JSON.parse(execFileSync('bpftool', ['-j', ...args], { encoding: 'utf8', env }));
}
