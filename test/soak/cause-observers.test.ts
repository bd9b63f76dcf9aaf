/** The time by cause beside what bpftrace sees of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { startBpftrace, type TracedMaps } from '../support/bpftrace.ts';
import { createCgroup } from '../support/cgroup.ts';
import { mountOverlay } from '../support/overlay.ts';
import { OPTIONS, operationsOf, started } from '../support/overlayfs-receiver.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';
import { mountTracefs } from '../support/tracefs.ts';

/** From a task's wake-up, or from where it lost its CPU, to its next one, within reads. */
const RUN_QUEUE = `
tracepoint:syscalls:sys_enter_read /comm == "watched"/ { @reading[tid] = 1; }
tracepoint:syscalls:sys_exit_read /@reading[tid]/ { delete(@reading[tid]); }
tracepoint:sched:sched_wakeup /@reading[args->pid]/ { @ready[args->pid] = nsecs; }
tracepoint:sched:sched_switch /@reading[args->prev_pid] && (args->prev_state & 0xff) == 0/ { @ready[args->prev_pid] = nsecs; }
tracepoint:sched:sched_switch /@ready[args->next_pid]/ {
  @waited = sum(nsecs - @ready[args->next_pid]);
  delete(@ready[args->next_pid]);
}
END { clear(@ready); clear(@reading); }`;

const READY = 'BEGIN { printf("ready\\n"); }';

/** Runs a script in a cgroup, where $1 is the overlay. */
async function observed(path: string, script: string, program: string) {
  await using cgroup = createCgroup('observed');
  using _tracefs = mountTracefs();
  using receiver = await started({ ...OPTIONS, sleeps: true });
  await using bpftrace = await startBpftrace('-e', `${READY}${program}`);
  cgroup.run('sh', '-ec', script, 'sh', path);
  const maps = await bpftrace.end();
  return { read: operationsOf(receiver.it, cgroup).read, maps };
}

function assertNear(what: string, ours: number, theirs: number, context: TestContext): void {
  context.diagnostic(`${what}: ${(ours / 1e6).toFixed(1)} ms, the observer ${(theirs / 1e6).toFixed(1)} ms`);
  assert.ok(Math.abs(ours / theirs - 1) <= 0.05, `${what} is ${ours / theirs} of what the observer has`);
}

const waited = (maps: TracedMaps): number => Number(maps['@waited']);

suite('the time by cause', { skip: missing('root', 'btf', 'bpftrace') }, () => {
  test('of reads on a CPU that many share has the run queue as the scheduler has it', async (context) => {
    using overlay = mountOverlay();
    using programs = folder();
    copyFileSync('/bin/dd', join(programs.path, 'watched'));
    execFileSync('chmod', ['+x', join(programs.path, 'watched')]);
    execFileSync('truncate', ['-s', '512M', join(overlay.path, 'f')]);
    const each = `taskset -c 0 "${programs.path}/watched" if="$1/f" of=/dev/null bs=32M iflag=fullblock status=none`;
    const loop = `for i in 1 2 3 4; do (for j in 1 2 3 4 5; do ${each}; done) & done; wait`;
    const { read, maps } = await observed(overlay.path, loop, RUN_QUEUE);
    assertNear('runqueue', read.runqueueNs, waited(maps), context);
  });
});
