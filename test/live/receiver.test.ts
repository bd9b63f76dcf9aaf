/** The overlayfs receiver in this process: every way it can load here, and what it does when an event is missed. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { failedOf } from '../../src/receivers/overlayfs/counts.ts';
import { OPERATIONS } from '../../src/receivers/overlayfs/operations.ts';
import { attachProbes, METHODS, type Method } from '../../src/receivers/overlayfs/probes.ts';
import { type AttachState, OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { tryMethod } from '../../src/receivers/overlayfs/trial.ts';
import { createCgroup } from '../support/cgroup.ts';
import { fixture } from '../support/fixtures.ts';
import { mountOverlay } from '../support/overlay.ts';
import { attempted, count, OPTIONS, operationsOf, started, sumByCause } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { scaled } from '../support/scale.ts';
import { mountTracefs } from '../support/tracefs.ts';

suite('the overlayfs receiver', { skip: missing('root', 'btf') }, () => {
  for (const { name, features } of [
    { name: 'task storage and plain loads (Linux 6.2)', features: {} },
    { name: 'task storage and probe reads (Linux 5.11)', features: { typedLoads: false } },
    { name: 'a hash of threads (Linux 5.8)', features: { taskStorage: false } },
  ]) {
    // By the classic tracepoints, which no kernel interrupts.
    test(`counts exactly with ${name}`, async () => {
      using _tracefs = mountTracefs();
      using overlay = mountOverlay();
      await using cgroup = createCgroup('features');
      using receiver = await started({ ...OPTIONS, attach: 'syscall_classic', features });
      const did = JSON.parse(
        cgroup.run(fixture('io'), 'mixed', join(overlay.path, 'file'), `${scaled(20_000)}`, `${scaled(10_000)}`, '8'),
      );
      const { read, write } = operationsOf(receiver.it, cgroup);
      assert.deepEqual([count(read), count(write)], [did.reads, did.writes]);
      assert.deepEqual([failedOf(read), read.zeros], [did.read_errors, did.read_zeros]);
      assert.deepEqual([failedOf(write), write.zeros], [did.write_errors, did.write_zeros]);
      for (const totals of [read, write]) assert.equal(sumByCause(totals), totals.sumNs);
    });
  }

  test('by the method that it chooses, once it has settled, it counts exactly', async (context) => {
    using _tracefs = mountTracefs();
    using overlay = mountOverlay();
    await using cgroup = createCgroup('auto');
    using receiver = await started(OPTIONS);
    const work = (): Record<string, number> =>
      JSON.parse(
        cgroup.run(fixture('io'), 'mixed', join(overlay.path, 'file'), `${scaled(10_000)}`, `${scaled(5000)}`, '8'),
      );
    // A method that is interrupted here shows it under such a load.
    let before = receiver.it.method;
    for (let round = 0; round < METHODS.length; round++) {
      work();
      await receiver.it.supervise();
      if (receiver.it.method === before) break;
      before = receiver.it.method;
    }
    context.diagnostic(`it chose ${before}`);
    const start = operationsOf(receiver.it, cgroup);
    const did = work();
    const end = operationsOf(receiver.it, cgroup);
    assert.equal(count(end.read) - count(start.read), did.reads, `reads by ${before}`);
    assert.equal(count(end.write) - count(start.write), did.writes, `writes by ${before}`);
  });

  test('waits while overlayfs is not registered, and attaches once it is', async () => {
    let filesystems = 'nodev\ttmpfs\n';
    const states: (string | null)[] = [];
    const onChange = ({ method }: { method: string | null }): number => states.push(method);
    using receiver = await started({ ...OPTIONS, filesystems: () => filesystems, onChange });
    assert.equal(receiver.it.method, null);
    filesystems += 'nodev\toverlay\n';
    await receiver.it.supervise();
    assert.notEqual(receiver.it.method, null);
    assert.deepEqual(states, [null, receiver.it.method]);
  });

  // No method misses anything on this kernel: the misses are made up, the maps and the counts are real.
  test('leaves a method that misses something for the next, keeps its counts, and never goes back', async () => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('step');
    const tried: Method[] = [];
    let missed = 0;
    const attachBy: typeof attachProbes = (counts, method) => {
      tried.push(method);
      const probes = attachProbes(counts, 'syscall');
      return { ...probes, method, missed: () => ({ entry: method === 'fentry' ? missed : 0, exit: 0 }) };
    };
    const tryBy = async (): Promise<null> => null;
    const refusals: unknown[] = [];
    using receiver = await started({
      ...OPTIONS,
      attachBy,
      tryBy,
      onChange: (state) => refusals.push(...state.refusals),
    });
    const write = (): string =>
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    write();
    await receiver.it.supervise();
    assert.equal(receiver.it.method, 'fentry');
    missed = 3;
    await receiver.it.supervise();
    assert.equal(receiver.it.method, 'kprobe');
    missed = 0;
    await receiver.it.supervise();
    write();
    assert.deepEqual(tried, ['fentry', 'kprobe']);
    assert.equal(count(operationsOf(receiver.it, cgroup).write), 200);
    assert.equal(receiver.it.misses().skipped_entry, 3);
    assert.match(JSON.stringify(refusals), /fentry.*missed 3 entries/);
  });

  for (const { when, trial, missed } of [
    { when: 'missed something', trial: null, missed: 3 },
    { when: 'did not pass its trial', trial: { done: 1000, counted: 900, missed: 0 }, missed: 0 },
  ]) {
    test(`keeps one that ${when} where no other can be attached`, async () => {
      const attached: Method[] = [];
      const attachBy: typeof attachProbes = (counts, method) => {
        if (method !== 'syscall') throw new Error(`no ${method} here`);
        attached.push(method);
        return { ...attachProbes(counts, method), missed: () => ({ entry: missed, exit: 0 }) };
      };
      const states: AttachState[] = [];
      using receiver = await started({
        ...OPTIONS,
        attachBy,
        tryBy: async () => trial,
        onChange: (state) => states.push(state),
      });
      await receiver.it.supervise();
      await receiver.it.supervise();
      assert.equal(receiver.it.method, 'syscall');
      assert.deepEqual(attached, missed > 0 ? ['syscall', 'syscall'] : ['syscall']);
      const refused = states.at(-1)?.refusals.map(({ method }) => method);
      assert.deepEqual(refused, ['fentry', 'kprobe', 'syscall_classic']);
    });
  }

  // The trials are made up: on this kernel every method that can be attached passes them.
  test('attaches by the first method that passes its trial, and says what the others missed', async () => {
    const tried: Method[] = [];
    const attached: Method[] = [];
    const refusals: string[] = [];
    const tryBy: typeof tryMethod = async (_, method) => {
      tried.push(method);
      if (method === 'kprobe') throw new Error('no kprobes here');
      return { done: 1000, counted: method === 'fentry' ? 900 : 1000, missed: 0 };
    };
    const attachBy: typeof attachProbes = (counts, method) => {
      attached.push(method);
      return attachProbes(counts, method);
    };
    const onChange = (state: AttachState): number => refusals.push(...state.refusals.map(({ reason }) => reason));
    using receiver = await started({ ...OPTIONS, tryBy, attachBy, onChange });
    assert.equal(receiver.it.method, 'syscall');
    assert.deepEqual(tried, ['fentry', 'kprobe', 'syscall']);
    assert.deepEqual(attached, ['syscall']);
    assert.match(refusals[0] ?? '', /counted 900 of 1000 reads/);
    assert.equal(refusals[1], 'no kprobes here');
  });

  test('a way that is forced is not tried', async () => {
    const tryBy: typeof tryMethod = () => assert.fail('tried');
    using _tracefs = mountTracefs();
    using receiver = await started({ ...OPTIONS, attach: 'syscall_classic', tryBy });
    assert.equal(receiver.it.method, 'syscall_classic');
  });

  for (const method of ['fentry', 'kprobe'] as const) {
    for (const { name, functions, writes } of [
      { name: 'whose function this kernel lacks is left out and said', functions: ['ovl_nonsense'], writes: 0 },
      {
        name: 'that has the second of its names is counted',
        functions: ['ovl_nonsense', 'ovl_write_iter'],
        writes: 100,
      },
    ]) {
      test(`by ${method} an operation ${name}, and the others are counted`, async (context) => {
        using _tracefs = mountTracefs();
        using overlay = mountOverlay();
        await using cgroup = createCgroup('operations');
        const operations = OPERATIONS.map((row) =>
          row.op === 'write' ? { ...row, functions, isRequired: false } : row,
        );
        const attachBy: typeof attachProbes = (counts, by, limit) => attachProbes(counts, by, limit, operations);
        let unmeasured: AttachState['unmeasured'] = [];
        const attempt = await attempted({
          ...OPTIONS,
          attach: method,
          attachBy,
          onChange: (state) => {
            unmeasured = state.unmeasured;
          },
        });
        if (attempt instanceof Error) return context.skip(attempt.message);
        using receiver = attempt;
        const file = join(overlay.path, 'file');
        cgroup.run('dd', 'if=/dev/zero', `of=${file}`, 'bs=1', 'count=100');
        cgroup.run('dd', `if=${file}`, 'of=/dev/null', 'bs=1', 'count=50');
        const { read, write } = operationsOf(receiver.it, cgroup);
        assert.deepEqual([count(read), count(write)], [50, writes]);
        assert.deepEqual(
          unmeasured.map(({ op }) => op),
          writes === 0 ? ['write'] : [],
        );
        for (const { reason } of unmeasured) assert.match(reason, /"ovl_nonsense"/);
      });
    }
  }

  for (const method of METHODS) {
    test(`a trial of ${method} counts what this process reads, or more was left out`, async (context) => {
      using _tracefs = mountTracefs();
      using overlay = mountOverlay();
      const file = join(overlay.path, 'file');
      execFileSync('truncate', ['-s', '64M', file]);
      // What others read meanwhile is none of the trial's.
      const other = spawn('dd', [`if=${file}`, 'of=/dev/null', 'bs=1'], { stdio: 'ignore' });
      const ended = once(other, 'exit');
      const outcome = await tryMethod(OPTIONS, method).catch((error: Error) => error);
      other.kill('SIGKILL');
      await ended;
      if (outcome instanceof Error) return context.skip(outcome.message);
      assert.ok(outcome);
      const { done, counted, missed } = outcome;
      context.diagnostic(`${counted} of ${done} reads counted, ${missed} runs left out`);
      assert.ok(done > 0 && counted <= done, `${counted} of ${done}`);
      if (missed === 0) assert.equal(counted, done);
      assert.deepEqual(
        readdirSync('/dev/shm').filter((name) => name.startsWith('floatie-')),
        [],
      );
    });
  }

  test('counts the same tasks in the other cgroup hierarchy when it is told to', async () => {
    using overlay = mountOverlay();
    using receiver = await started({ ...OPTIONS, cgroupVersion: OPTIONS.cgroupVersion === 1 ? 2 : 1 });
    execFileSync('dd', ['if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=321'], { stdio: 'ignore' });
    const writes = receiver.it.read().map(({ operations }) => count(operations.write));
    assert.equal(
      writes.reduce((a, b) => a + b),
      321,
    );
  });

  for (const method of METHODS) {
    test(`by ${method} only the chosen cgroup and those below it are counted`, async (context) => {
      using _tracefs = mountTracefs();
      using overlay = mountOverlay();
      await using parent = createCgroup('parent');
      await using child = createCgroup('child', `${parent.name}/child`.slice(1));
      await using sibling = createCgroup('sibling');
      const cgroupId = cgroupIdOf(findHierarchy(), parent.name);
      const attempt = await attempted({ ...OPTIONS, attach: method, cgroupId });
      if (attempt instanceof Error) return context.skip(attempt.message);
      using receiver = attempt;
      for (const [cgroup, times] of [
        [parent, 20],
        [child, 3],
        [sibling, 500],
      ] as const) {
        cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', `count=${times}`);
      }
      const writes = receiver.it.read().map(({ operations }) => count(operations.write));
      assert.deepEqual(writes, [0, 20, 3]);
    });
  }

  test('two at once each count from their own start', async () => {
    // The trial of the second one would be seen by the first one.
    const tryBy = async (): Promise<null> => null;
    using overlay = mountOverlay();
    const fifo = join(overlay.path, 'file');
    execFileSync('truncate', ['-s', '4k', fifo]);
    using first = await started({ ...OPTIONS, tryBy });
    execFileSync('dd', [`if=${fifo}`, 'of=/dev/null', 'bs=1', 'count=5'], { stdio: 'ignore' });
    using second = await started({ ...OPTIONS, tryBy });
    execFileSync('dd', [`if=${fifo}`, 'of=/dev/null', 'bs=1', 'count=7'], { stdio: 'ignore' });
    const total = ({ it }: { it: OverlayfsReceiver }): number =>
      it.read().reduce((sum, { operations }) => sum + count(operations.read), 0);
    assert.deepEqual([total(first), total(second)], [12, 7]);
  });

  test('stops twice without harm, and says so when it is asked afterwards', async () => {
    const receiver = await OverlayfsReceiver.start(OPTIONS);
    receiver.stop();
    receiver.stop();
    assert.throws(() => receiver.misses(), /detached|closed/);
  });
});
