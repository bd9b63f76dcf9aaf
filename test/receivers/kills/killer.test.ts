import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { KillEvent } from '../../../src/receivers/kills/events.ts';
import { type Kill, type Killer, killerOf, senderNameOf } from '../../../src/receivers/kills/killer.ts';
import { CONTAINER, eventOf, HOST, killOf, taskOf } from './events.ts';

const init = taskOf(50, 'init', 1);
const kernel = { info: 'kernel' } as const;
const none = { info: 'none' } as const;

const cases: readonly [what: string, Partial<KillEvent>, sender: string, Killer, Partial<Kill>?][] = [
  ['the kernel, and a mark', kernel, 'app', 'kernel_oom', { isMarked: true }],
  ['the kernel, and the memory of a marked process', kernel, 'app', 'oom_shared_memory', { sharesMarked: true }],
  ['the kernel, without a mark', kernel, 'kworker/0:1', 'unknown'],
  ['a task that ends, which is no init', { ...kernel, senderExits: true }, 'app', 'unknown'],
  ['a tracer that ends', { ...kernel, senderExits: true, isToProcess: false }, 'strace', 'parent_death'],
  ['a parent that ends', { ...none, senderExits: true, diesWithParent: true }, 'conmon', 'parent_death'],
  ['a task that ends, without a wish to die with it', { ...none, senderExits: true }, 'app', 'unknown'],
  ['a write to cgroup.kill', none, 'sh', 'cgroup_kill'],
  [
    'a write to cgroup.kill by a process that wants to die with its parent',
    { ...none, diesWithParent: true },
    'sh',
    'cgroup_kill',
  ],
  ['a runtime that writes to cgroup.kill', none, 'crun', 'runtime'],
  ['a daemon that writes to cgroup.kill', none, 'systemd-oomd', 'oomd'],
  ['kill', {}, 'bash', 'process'],
  ['sigqueue', { code: -1 }, 'bash', 'process'],
  ['tgkill', { code: -6 }, 'bash', 'process'],
  ['a timer', { code: -2 }, 'bash', 'unknown'],
  ['the kernel, with a siginfo', { code: 128 }, 'bash', 'unknown'],
  ['earlyoom', {}, 'earlyoom', 'oomd'],
  ['the shim of containerd', {}, 'containerd-shim', 'runtime'],
  ['runc in its own namespaces', {}, 'runc:[1:CHILD]', 'runtime'],
  ['something that is called nearly like a runtime', {}, 'runcible', 'process'],
];

suite('a process is killed by', () => {
  for (const [what, how, sender, killer, known] of cases) {
    test(`${what}: ${killer}`, () => {
      assert.equal(killerOf(killOf(eventOf(how, taskOf(7, sender)), known)), killer);
    });
  }

  test('the end of its init: pid_namespace_end', () => {
    assert.equal(killerOf(killOf(eventOf({ ...kernel, senderExits: true }, init))), 'pid_namespace_end');
    assert.equal(
      killerOf(killOf(eventOf({ ...kernel, senderExits: true }, init), { isMarked: true })),
      'kernel_oom',
      'the OOM killer came to it meanwhile, and counts it',
    );
  });

  test('a process of its own container that calls itself a runtime: process', () => {
    for (const name of ['runc', 'earlyoom']) {
      const event = eventOf({}, taskOf(7, name));
      assert.equal(killerOf(killOf(event, {}, CONTAINER)), 'process');
      assert.equal(killerOf(killOf(event, {}, HOST, HOST)), name === 'runc' ? 'runtime' : 'oomd');
    }
  });
});

test('the name of the sender is without numbers that count up, and nobody’s where nobody sent it', () => {
  const event = eventOf({}, taskOf(7, 'worker-17'));
  assert.equal(senderNameOf('process', event), 'worker');
  assert.equal(senderNameOf('kernel_oom', event), 'kernel');
  assert.equal(senderNameOf('oom_shared_memory', event), 'kernel');
  assert.equal(senderNameOf('unknown', event), 'unknown');
});
