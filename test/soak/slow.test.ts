/** Slow operations among very many fast ones, and very many slow ones. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import type { SlowEvent } from '../../src/receivers/overlayfs/slow-events.ts';
import { createCgroup } from '../support/cgroup.ts';
import { fixture } from '../support/fixtures.ts';
import { mountOverlay } from '../support/overlay.ts';
import { count, OPTIONS, operationsOf, started } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';
import { mountTracefs } from '../support/tracefs.ts';

const CONTAINERS = 20;
const FAST = 500_000;
/** The durations of the slow ones in µs, by container. */
const SLOW_US = Array.from({ length: 10 }, (_, index) => 40_000 + 4000 * index);
/** Reads a byte that is slow after one that is not, and prints how long that took, in ns by its own clock. */
const READER = `
const { openSync, readSync } = require('node:fs');
const file = openSync(process.argv[1], 'r');
const [byte, offset] = [Buffer.alloc(1), Number(process.argv[2])];
readSync(file, byte, 0, 1, 0);
const began = process.hrtime.bigint();
readSync(file, byte, 0, 1, offset);
console.log(String(process.hrtime.bigint() - began));
`;
const run = promisify(execFile);

suite('slow operations', { skip: missing('root', 'btf', 'fuse') }, () => {
  test('are the ten slowest of ten million in twenty cgroups, each with its path, its cgroup and its duration within 1 %', async () => {
    await using slow = await mountSlow([0, ...SLOW_US]);
    using overlay = mountOverlay(slow.path);
    const file = join(overlay.path, 'fast');
    execFileSync('truncate', ['-s', `${FAST}`, file]);
    await using cgroups = new AsyncDisposableStack();
    const all = Array.from({ length: CONTAINERS }, (_, index) => cgroups.use(createCgroup(`slow-${index}`)));
    using _tracefs = mountTracefs();
    using receiver = await started({ ...OPTIONS, maxMapEntries: 64, slowNs: 20e6 });
    const { slow: events } = receiver.it;
    const told: SlowEvent[] = [];
    const take = (): void => {
      told.push(...events.take().filter(({ op, path }) => op === 'read' && path?.path === '/slow'));
    };
    using _polling = setInterval(take, 100);
    const took = new Map<number, number>();
    const waiting = all.entries();
    // More at once than CPUs would be slow themselves: they would wait for one.
    const work = async (): Promise<void> => {
      for (const [index, one] of waiting) {
        await run(...one.wrap('dd', `if=${file}`, 'of=/dev/null', 'bs=1', `count=${FAST}`, 'status=none'));
        if (index >= SLOW_US.length) continue;
        const reader = [process.execPath, '-e', READER, join(overlay.path, 'slow'), String(index + 1)] as const;
        took.set(index, Number((await run(...one.wrap(...reader))).stdout));
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    take();
    assert.equal(told.length, SLOW_US.length);
    for (const [index, us] of SLOW_US.entries()) {
      const event = told.find(({ cgroupId }) => cgroupId === cgroupIdOf(findHierarchy(), all[index]?.name ?? ''));
      assert.ok(event, `none of ${all[index]?.name}`);
      assert.equal(event.offset, index + 1);
      const own = took.get(index) ?? 0;
      const isRight = event.durationNs >= us * 1000 && event.durationNs <= own && event.durationNs >= own * 0.99;
      assert.ok(isRight, `${event.durationNs} ns; by the clock of its reader ${own} ns`);
    }
    assert.deepEqual(events.counts().leftOut, 0);
    const reads = all.map((one) => count(operationsOf(receiver.it, one).read));
    assert.ok(
      reads.every((number) => number >= FAST),
      `${reads}`,
    );
  });

  test('are recorded in part when they are very many, and all others are counted; Floatie takes little CPU for it', async (context) => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('storm');
    using _tracefs = mountTracefs();
    // Every operation is slow.
    using receiver = await started({ ...OPTIONS, slowNs: 1 });
    const { slow: events } = receiver.it;
    const file = join(overlay.path, 'file');
    const storm = run(...cgroup.wrap(fixture('io'), 'mixed', file, '300000', '300000', '2'));
    const ended = storm.then(() => true);
    const [began, before] = [performance.now(), process.cpuUsage()];
    let told = 0;
    const take = (): void => {
      told += events.take().filter(({ cgroupId }) => cgroupId === cgroupIdOf(findHierarchy(), cgroup.name)).length;
    };
    for (;;) {
      const hasEnded = await Promise.race([ended, sleep(100, false)]);
      take();
      if (hasEnded) break;
    }
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(before);
    const done = Object.values(operationsOf(receiver.it, cgroup)).reduce((sum, totals) => sum + count(totals), 0);
    const { leftOut, lost } = events.counts();
    context.diagnostic(
      `${(done / seconds).toFixed(0)} a second, ${told} told, ${leftOut} left out, ${((user + system) / 1e4 / seconds).toFixed(1)} % of a CPU`,
    );
    assert.equal(lost, 0);
    assert.ok(told + leftOut >= done, `${told} + ${leftOut} of ${done}`);
    assert.ok((user + system) / 1e6 / seconds < 0.1);
  });
});
