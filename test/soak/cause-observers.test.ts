/** The time by cause beside what bpftrace sees of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { startBpftrace, type TracedMaps } from '../support/bpftrace.ts';
import { createCgroup } from '../support/cgroup.ts';
import { mountJournaledDisk } from '../support/journaled-disk.ts';
import { mountOverlay } from '../support/overlay.ts';
import { OPTIONS, operationsOf, started } from '../support/overlayfs-receiver.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';
import { mountTracefs } from '../support/tracefs.ts';

/** How long the disk takes for a read of up to 128 KiB. */
const TRANSFER_US = 20_000;

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

/** From the submission of a bio to the completion of its request, one at a time, of reads that take as long as no page cache does. */
const DEVICE = `
tracepoint:block:block_bio_queue /comm == "watched"/ { @queued[args->dev] = nsecs; }
tracepoint:block:block_rq_complete /@queued[args->dev]/ {
  $ns = nsecs - @queued[args->dev];
  if ($ns >= 5000000) { @waited = sum($ns); }
  delete(@queued[args->dev]);
}
END { clear(@queued); }`;

/** Reads $1 in large pieces, and writes the CPU time of the thread meanwhile in ns to the file $2. */
const CLOCKED = `
import os, sys, time
file, piece = os.open(sys.argv[1], os.O_RDONLY), bytearray(32 << 20)
before = time.thread_time_ns()
for at in range(240):
    os.preadv(file, [piece], at % 8 * len(piece))
print(time.thread_time_ns() - before, file=open(sys.argv[2], "w"))`;

const READY = 'BEGIN { printf("ready\\n"); }';

/** Runs a script in a cgroup, where $1 is the overlay and $2 a program like dd that is called `watched`. */
async function observed(path: string, script: string, program: string) {
  await using cgroup = createCgroup('observed');
  using programs = folder();
  using _tracefs = mountTracefs();
  using receiver = await started({ ...OPTIONS, sleeps: true });
  await using bpftrace = await startBpftrace('-e', `${READY}${program}`);
  const watched = join(programs.path, 'watched');
  copyFileSync('/bin/dd', watched);
  cgroup.run('sh', '-ec', script, 'sh', path, watched);
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
    execFileSync('truncate', ['-s', '512M', join(overlay.path, 'f')]);
    const each = 'taskset -c 0 "$2" if="$1/f" of=/dev/null bs=32M iflag=fullblock status=none';
    const loop = `for i in 1 2 3 4; do (for j in 1 2 3 4 5; do ${each}; done) & done; wait`;
    const { read, maps } = await observed(overlay.path, loop, RUN_QUEUE);
    assertNear('runqueue', read.runqueueNs, waited(maps), context);
  });

  test('of direct reads from a slow disk has the device as the block layer has it', async (context) => {
    await using disk = await mountJournaledDisk(0, TRANSFER_US);
    using overlay = mountOverlay(undefined, disk.path);
    const file = join(overlay.path, 'f');
    execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', 'count=4', 'status=none']);
    disk.forget(file);
    const direct = '"$2" if="$1/f" of=/dev/null bs=128k iflag=direct status=none';
    const { read, maps } = await observed(overlay.path, direct, DEVICE);
    assertNear('device', read.deviceNs, waited(maps), context);
  });

  // One thread alone: the clock of a thread that others preempt was seen to lag on Linux 6.18.
  test("of reads from the page cache has the CPU as the thread's own clock has it", async (context) => {
    using overlay = mountOverlay();
    const file = join(overlay.path, 'f');
    execFileSync('truncate', ['-s', '256M', file]);
    execFileSync('dd', [`if=${file}`, 'of=/dev/null', 'bs=1M', 'status=none']);
    using clocks = folder();
    const clock = join(clocks.path, 'clock');
    await using cgroup = createCgroup('observed');
    using receiver = await started({ ...OPTIONS, sleeps: true });
    cgroup.run('python3', '-c', CLOCKED, file, clock);
    const clocked = Number(readFileSync(clock, 'utf8'));
    assertNear('cpu', operationsOf(receiver.it, cgroup).read.cpuNs, clocked, context);
  });
});

test('a first pass over what the page cache has dropped is from the device, and a second one from the cache', {
  skip: missing('root', 'btf'),
}, async () => {
  await using disk = await mountJournaledDisk(0, TRANSFER_US);
  using overlay = mountOverlay(undefined, disk.path);
  const file = join(overlay.path, 'f');
  execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', 'count=8', 'status=none']);
  disk.forget(file);
  await using cgroup = createCgroup('passes');
  using receiver = await started({ ...OPTIONS, sleeps: true });
  // Backwards, a page out of each 64, so that nothing is read ahead.
  const pass = 'for i in $(seq 31 -1 1); do dd if="$1" of=/dev/null bs=4k skip=$((i * 64)) count=1 status=none; done';
  const sources = [0, 1].map(() => {
    cgroup.run('sh', '-ec', pass, 'sh', file);
    const { cache, readahead, device } = operationsOf(receiver.it, cgroup).read;
    return { cache, readahead, device };
  });
  assert.deepEqual(sources, [
    { cache: 0, readahead: 0, device: 31 },
    { cache: 31, readahead: 0, device: 31 },
  ]);
});
