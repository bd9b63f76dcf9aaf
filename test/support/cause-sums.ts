/** Threads that read and write one file, while others are killed and all have to move between CPUs: the time by cause. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CAUSES } from '../../src/receivers/overlayfs/causes.ts';
import type { OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import { type Cgroup, createCgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import { mountOverlay } from './overlay.ts';
import { count, OPTIONS, operationsOf, started, sumByCause } from './overlayfs-receiver.ts';
import { startThreads } from './threads.ts';
import { mountTracefs } from './tracefs.ts';

const THREADS = 64;
/** Threads that take up room. */
const RESIDENTS = 64;
/** How long a process lives that is killed, in ms. */
const LIFE_MS = 50;

/**
 * @param operations how many are done by threads that are not killed
 * @param room for how many threads at once; without, for all
 * @returns what was done
 */
export async function assertSums(operations: number, room?: number): Promise<string> {
  using overlay = mountOverlay();
  await using cgroup = createCgroup('sums');
  using _tracefs = mountTracefs();
  const maxThreads = room === undefined ? OPTIONS.maxThreads : RESIDENTS + room;
  using receiver = await started({ ...OPTIONS, sleeps: true, maxThreads });
  await using residents = new AsyncDisposableStack();
  if (room !== undefined) {
    const file = join(overlay.path, 'resident');
    writeFileSync(file, 'x');
    residents.use(await startThreads(cgroup, file, RESIDENTS));
  }
  const each = operations / THREADS / 2;
  const whole = startProcess(cgroup, join(overlay.path, 'whole'), each);
  let killed = 0;
  for (let cpu = 0; whole.exitCode === null && whole.signalCode === null; cpu++) {
    move(whole, cpu);
    const victim = startProcess(cgroup, join(overlay.path, 'killed'), each);
    const ended = once(victim, 'exit');
    await sleep(LIFE_MS);
    victim.kill('SIGKILL');
    await ended;
    killed++;
  }
  assert.equal(whole.exitCode, 0);
  let done = 0;
  for (const [op, totals] of Object.entries(operationsOf(receiver.it, cgroup))) {
    assertParts(op, totals);
    done += count(totals);
  }
  if (room === undefined) assert.ok(done >= operations, `${done} operations`);
  else assert.ok(receiver.it.misses().starts_full > 0, 'all threads were followed');
  await residents.disposeAsync();
  await eventually('no record is left of threads that have ended', () => (receiver.it.threads() ?? 0) < THREADS);
  return `${done} operations, ${killed} processes killed`;
}

function startProcess(cgroup: Cgroup, file: string, each: number): ChildProcess {
  return spawn(...cgroup.wrap(fixture('io'), 'mixed', file, `${each}`, `${each}`, `${THREADS}`), { stdio: 'ignore' });
}

/** Lets all threads of a process run on one CPU alone, by turns on each. */
function move({ pid }: ChildProcess, turn: number): void {
  try {
    execFileSync('taskset', ['-apc', `${turn % availableParallelism()}`, `${pid}`], { stdio: 'ignore' });
  } catch {
    // It has just ended.
  }
}

function assertParts(op: string, totals: OperationTotals): void {
  assert.equal(sumByCause(totals), totals.sumNs, op);
  for (const cause of CAUSES) {
    const ns = totals[`${cause}Ns`];
    // A negative one would be added as nearly 2^64.
    assert.ok(ns >= 0 && ns <= totals.sumNs, `${cause} of ${op} is ${ns} of ${totals.sumNs} ns`);
  }
}
