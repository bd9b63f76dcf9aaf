import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { explainStorm } from '../../../src/receivers/kills/explanation.ts';
import { describeStorm } from '../../../src/receivers/kills/record.ts';
import { type Storm, Storms } from '../../../src/receivers/kills/storms.ts';
import { flatten } from '../../../src/records/encode.ts';
import { eventOf, killOf, taskOf } from './events.ts';

const shapeOf = (storms: readonly Storm[]): string[][] =>
  storms.map(({ kills }) => kills.map(({ killer, event }) => `${killer} ${event.victim.tgid}`));

const byKernel = { info: 'kernel', memory: 9n } as const;

suite('kills of one event', () => {
  test('are one storm: an init that a runtime kills, and all that end with it', () => {
    const storms = new Storms();
    storms.add(killOf(eventOf({}, taskOf(7, 'crun'), taskOf(50, 'init', 1))), 0);
    for (const tgid of [51, 52]) {
      storms.add(killOf(eventOf({ ...byKernel, senderExits: true }, taskOf(50, 'init', 1), taskOf(tgid, 'app'))), 100);
    }
    assert.deepEqual(storms.take(499), []);
    assert.deepEqual(shapeOf(storms.take(500)), [['runtime 50', 'pid_namespace_end 51', 'pid_namespace_end 52']]);
    assert.deepEqual(storms.take(5000), []);
  });

  test('are the OOM killer’s by its marks, which come after the kills', () => {
    const storms = new Storms();
    const sender = taskOf(7, 'app');
    storms.add(killOf(eventOf(byKernel, sender, taskOf(100, 'app'))), 0);
    storms.add(killOf(eventOf(byKernel, sender, taskOf(101, 'child'))), 0);
    storms.add(killOf(eventOf({ ...byKernel, memory: 0n }, sender, taskOf(102, 'other'))), 0);
    storms.mark({ memory: 9n, senderPid: 7, victimTgid: 100 }, 100);
    assert.deepEqual(shapeOf(storms.take(500)), [['kernel_oom 100', 'oom_shared_memory 101', 'unknown 102']]);
  });

  test('of different senders are storms of their own, and so are those of different containers', () => {
    const storms = new Storms();
    storms.add(killOf(eventOf({}, taskOf(7, 'a'), taskOf(100, 'app'))), 0);
    storms.add(killOf(eventOf({}, taskOf(8, 'b'), taskOf(101, 'app'))), 0);
    storms.add(killOf(eventOf({}, taskOf(7, 'a'), taskOf(102, 'app')), {}, '/', `/docker/${'b'.repeat(64)}`), 0);
    storms.add(killOf(eventOf({}, taskOf(7, 'a'), taskOf(103, 'app'))), 200);
    assert.deepEqual(shapeOf(storms.take(0, true)), [['process 100', 'process 103'], ['process 101'], ['process 102']]);
  });

  test('of more than ten senders in one container have ten records, and are counted all the same', () => {
    const storms = new Storms();
    for (let at = 0; at < 25; at++) storms.add(killOf(eventOf({}, taskOf(at, 'sh'), taskOf(100 + at, 'app'))), 0);
    storms.add(killOf(eventOf({}, taskOf(7, 'a'), taskOf(1, 'quiet')), {}, '/', '/system.slice/quiet.service'), 0);
    const all = storms.take(500);
    assert.deepEqual(
      all.map(({ kills, others }) => [kills.length, others.length]),
      [...Array(9).fill([1, 0]), [1, 15], [1, 0]],
    );
    const last = all[9];
    assert.equal(last && flatten(describeStorm(last)).other_kills, 15);
  });
});

suite('the record of a storm', () => {
  const stormOf = (...events: Parameters<Storms['add']>[0][]): Storm => {
    const storms = new Storms();
    for (const event of events) storms.add(event, 0);
    const [storm] = storms.take(0, true);
    assert.ok(storm);
    return storm;
  };

  test('says how long a container did not end after SIGTERM, and that it ignored that', () => {
    const term = { beforeMs: 10_012, senderTgid: 6, process: 'podman', isIgnored: true };
    const storm = stormOf(killOf(eventOf({ term }, taskOf(7, 'crun'), taskOf(50, 'sleep', 1))));
    assert.equal(
      explainStorm(storm),
      'sleep (pid 50) was killed by crun (pid 7), a container runtime: it did not end within 10.0 s of SIGTERM, which it ignored',
    );
    const { time, ...record } = flatten(describeStorm(storm));
    assert.match(String(time), /^\d{4}-/);
    assert.deepEqual(record, {
      killer: 'runtime',
      explanation: explainStorm(storm),
      processes: 1,
      ...{ sender_process: 'crun', sender_pid: 7, sender_uid: 0, sender_cgroup: '/system.slice/runtime.service' },
      ...{ sigterm_before_ms: 10_012, sigterm_ignored: true, sigterm_process: 'podman', sigterm_pid: 6 },
      ...{ victim_process: 'sleep', victim_pid: 50, victim_ns_pid: 1, victim_uid: 0 },
      cgroup: `/docker/${'a'.repeat(64)}`,
      container_id: 'a'.repeat(64),
    });
  });

  test('invents no grace from a SIGTERM of yesterday', () => {
    const term = { beforeMs: 86_400_000, senderTgid: 6, process: 'sh', isIgnored: false };
    const storm = stormOf(killOf(eventOf({ term })));
    assert.equal(explainStorm(storm), 'app (pid 100) was killed by bash (pid 1), user 0');
    assert.equal(flatten(describeStorm(storm)).sigterm_before_ms, 86_400_000);
  });

  test('has a hundred members at most', () => {
    const storm = stormOf(
      ...Array.from({ length: 150 }, (_, at) => killOf(eventOf({}, taskOf(7, 'sh'), taskOf(100 + at, 'app')))),
    );
    const { members, members_left_out, processes, explanation } = flatten(describeStorm(storm));
    assert.deepEqual([(members as unknown[]).length, members_left_out, processes], [100, 49, 150]);
    assert.match(String(explanation), /; 149 more processes died in the same event$/);
  });

  test('names no task that only happened to run when the kernel killed', () => {
    const storms = new Storms();
    storms.add(killOf(eventOf(byKernel, taskOf(7, 'bystander'))), 0);
    storms.mark({ memory: 9n, senderPid: 7, victimTgid: 100 }, 0);
    const [storm] = storms.take(0, true);
    assert.ok(storm);
    assert.doesNotMatch(JSON.stringify(describeStorm(storm).values), /bystander/);
  });
});
