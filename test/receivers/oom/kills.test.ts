import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { placeAt } from '../../../src/kernel/raw-path.ts';
import type { OomDecision, OomEvent, OomTask, OomVictim } from '../../../src/receivers/oom/events.ts';
import { type OomKill, OomKills } from '../../../src/receivers/oom/kills.ts';
import type { KmsgKill } from '../../../src/receivers/oom/kmsg.ts';
import { OomPaths } from '../../../src/receivers/oom/paths.ts';
import * as tasks from './tasks.ts';

const CGROUP = 5n;

function task(pid: number, changes: Partial<OomTask> = {}): OomTask {
  return tasks.task({ pid, ...changes });
}

function victim(pid: number): OomVictim {
  return tasks.victim({ pid, comm: 'hog', memoryCgroupId: CGROUP });
}

function decision(number: number, changes: Partial<OomDecision> = {}): OomDecision {
  const limit = { cgroupId: CGROUP, limitBytes: 64, usageBytes: 63, includesSwap: false, isTriggerOutside: false };
  return { number, constraint: 'memcg', order: 0, gfpMask: 0xcc0, domainBytes: 64, limit, ...changes };
}

function event(pid: number, changes: Partial<OomEvent> = {}): OomEvent {
  const who = { timeNs: 0, trigger: task(1), victim: victim(pid), decision: null, groupCgroupId: 0n };
  return { ...who, isShared: false, sharesWith: 0, ...changes };
}

interface Setup {
  readonly kills: OomKills;
  /** What the kernel's log says when it is read next. */
  readonly log: KmsgKill[];
}

function setUp(...events: OomEvent[]): Setup {
  // Of those that were decided the kernel has reported no more than that it killed them.
  const decided = events.filter(({ decision }) => decision !== null);
  const log: KmsgKill[] = decided.map(({ victim }) => ({ pid: victim.pid, memcg: true }));
  const kills = new OomKills({ read: () => log.splice(0) });
  for (const each of events) kills.add(each, 0);
  return { kills, log };
}

function pids(kills: readonly OomKill[]): number[][] {
  return kills.map(({ victim, members }) => [victim, ...members].map(({ pid }) => pid));
}

suite('a kill that the OOM killer was seen to decide', () => {
  test('needs no more from the kernel’s log', () => {
    const [kill] = setUp(event(7, { decision: decision(1) })).kills.take(0, 0);
    assert.deepEqual(
      [kill?.scope, kill?.isGroup, kill?.order, kill?.gfpMask, kill?.domainBytes],
      ['memcg', false, 0, 0xcc0, 64],
    );
    assert.deepEqual(kill?.limit, {
      owner: 'self',
      cgroup: CGROUP,
      limitBytes: 64,
      usageBytes: 63,
      includesSwap: false,
      isTriggerOutside: false,
    });
  });

  test('has the memory that the kernel reports, which has added up what all CPUs know', () => {
    const { kills, log } = setUp();
    kills.add(event(7, { decision: decision(1) }), 0);
    assert.deepEqual(kills.take(0, 1), []);
    const memory = { totalVmBytes: 5, anonBytes: 4, fileBytes: 3, shmemBytes: 2, pageTableBytes: 1 };
    log.push({ pid: 7, memcg: true, memory });
    const [kill] = kills.take(100, 1);
    assert.deepEqual(kill?.victim, { ...victim(7), ...memory });
  });

  test('does not wait for a log that cannot be read, nor for ever', () => {
    const blind = new OomKills(null);
    blind.add(event(7, { decision: decision(1) }), 0);
    assert.equal(blind.take(0, 1)[0]?.scope, 'memcg');
    const { kills } = setUp();
    kills.add(event(7, { decision: decision(1) }), 0);
    assert.equal(kills.take(300, 1)[0]?.limit?.owner, 'self');
  });

  test('by the limit of a cgroup above has that one’s limit', () => {
    const limit = { cgroupId: 4n, limitBytes: 64, usageBytes: 63, includesSwap: false, isTriggerOutside: true };
    const [kill] = setUp(event(7, { decision: decision(1, { limit }) })).kills.take(0, 0);
    assert.deepEqual([kill?.limit?.owner, kill?.limit?.cgroup, kill?.limit?.isTriggerOutside], ['ancestor', 4n, true]);
  });

  for (const [constraint, order, scope] of [
    ['none', 0, 'global'],
    ['none', -1, 'sysrq'],
    ['cpuset', 0, 'cpuset'],
    ['memory_policy', 0, 'mempolicy'],
    ['unknown', 0, 'unknown'],
  ] as const) {
    test(`with the constraint ${constraint} and the order ${order} has the scope ${scope} and no cgroup’s limit`, () => {
      const what = decision(1, { constraint, order, limit: null });
      const [kill] = setUp(event(7, { decision: what })).kills.take(0, 0);
      assert.deepEqual([kill?.scope, kill?.limit], [scope, { owner: 'node' }]);
    });
  }

  test('of a whole cgroup waits until all its processes are dead', () => {
    const group = { decision: decision(3), groupCgroupId: CGROUP };
    const { kills, log } = setUp(event(7, group), event(8, group));
    assert.deepEqual(kills.take(0, 2), []);
    kills.add(event(9, group), 100);
    kills.add(event(10, { decision: decision(4), groupCgroupId: CGROUP }), 100);
    log.push({ pid: 9, memcg: true }, { pid: 10, memcg: true });
    assert.deepEqual(pids(kills.take(100, 4)), [[7, 8, 9], [10]]);
  });

  test('of a whole cgroup does not wait for ever', () => {
    const { kills } = setUp(event(7, { decision: decision(3), groupCgroupId: CGROUP }));
    assert.deepEqual([pids(kills.take(299, 0)), pids(kills.take(300, 0))], [[], [[7]]]);
  });
});

suite('a kill that the OOM killer was not seen to decide', () => {
  test('waits for the kernel’s report, and says what that says', () => {
    const { kills, log } = setUp(event(7));
    assert.deepEqual(kills.take(0, 0), []);
    const limit = { limitBytes: 64, usageBytes: 63, includesSwap: false };
    const report = { constraint: 'memcg', victimCgroup: '/pod/app', limitCgroup: '/pod', limit, order: 0, gfpMask: 1 };
    log.push({ pid: 7, memcg: true, report });
    const [kill] = kills.take(100, 0);
    assert.deepEqual(
      [kill?.scope, kill?.isGroup, kill?.order, kill?.gfpMask, kill?.domainBytes],
      ['memcg', false, 0, 1, undefined],
    );
    assert.deepEqual(kill?.limit, { owner: 'ancestor', cgroup: '/pod', ...limit });
  });

  test('does not know whose limit it was where the longer report is missing', () => {
    const { kills, log } = setUp(event(7), event(8));
    log.push({ pid: 7, memcg: true }, { pid: 8, memcg: false });
    const found = kills.take(0, 0).map(({ scope, limit }) => [scope, limit?.owner]);
    assert.deepEqual(found, [
      ['memcg', undefined],
      ['global', 'node'],
    ]);
  });

  test('is unknown when no report comes', () => {
    const { kills } = setUp(event(7));
    assert.deepEqual(kills.take(299, 0), []);
    const [kill] = kills.take(300, 0);
    assert.deepEqual([kill?.scope, kill?.limit, kill?.order, kill?.isGroup], ['unknown', undefined, undefined, false]);
  });

  test('waits for nothing at the end, or where the log cannot be read', () => {
    const blind = new OomKills(null);
    blind.add(event(8), 0);
    assert.deepEqual([pids(setUp(event(7)).kills.take(0, 0, true)), pids(blind.take(0, 0))], [[[7]], [[8]]]);
  });

  test('has the last report of its number: the ones before it were of others', () => {
    const { kills, log } = setUp(event(7));
    log.push({ pid: 7, memcg: false }, { pid: 7, memcg: true });
    assert.equal(kills.take(0, 0)[0]?.scope, 'memcg');
  });

  test('takes with it those that the log says died with its cgroup', () => {
    const group = { groupCgroupId: CGROUP };
    const { kills, log } = setUp(event(7, group), event(8, group));
    log.push({ pid: 7, memcg: true, chosenPid: 7 }, { pid: 8, memcg: true, chosenPid: 7 });
    assert.deepEqual(kills.take(0, 0), []);
    const elsewhere = task(2);
    kills.add(event(9, group), 100);
    kills.add(event(10, { ...group, trigger: elsewhere }), 100);
    log.push({ pid: 9, memcg: true, chosenPid: 7 }, { pid: 10, memcg: true, chosenPid: 7 });
    const [kill] = kills.take(300, 0);
    assert.deepEqual([pids(kill === undefined ? [] : [kill]), kill?.isGroup], [[[7, 8, 9]], true]);
  });

  test('that could be of a whole cgroup, and of which nothing is reported, does not say', () => {
    const { kills } = setUp(event(7, { groupCgroupId: CGROUP }));
    assert.equal(kills.take(300, 0)[0]?.isGroup, undefined);
  });
});

test('kills are told in their order, though more is known of a later one first', () => {
  const { kills, log } = setUp(event(7));
  kills.add(event(8), 0);
  log.push({ pid: 8, memcg: true });
  assert.deepEqual(kills.take(0, 0), []);
  log.push({ pid: 7, memcg: true });
  assert.deepEqual(pids(kills.take(100, 0)), [[7], [8]]);
});

suite('a process that shared the memory of a victim', () => {
  const reasons = ([kill]: readonly OomKill[]): unknown[] =>
    kill === undefined ? [] : kill.members.map(({ pid, reason }) => [pid, reason]);

  test('is a member of its record, for which that one waits', () => {
    const { kills } = setUp(event(7, { decision: decision(3), isShared: true }));
    assert.deepEqual(kills.take(0, 2), []);
    kills.add(event(8, { sharesWith: 7 }), 0);
    kills.add(event(9, { sharesWith: 7 }), 0);
    assert.deepEqual(reasons(kills.take(0, 3)), [
      [8, 'shared_memory'],
      [9, 'shared_memory'],
    ]);
  });

  test('is waited for where the decision was not seen, but not for ever', () => {
    for (const kills of [new OomKills(null), setUp().kills]) {
      kills.add(event(7, { isShared: true }), 0);
      assert.deepEqual(kills.take(299, 0), []);
      kills.add(event(8, { sharesWith: 7 }), 299);
      assert.deepEqual(reasons(kills.take(300, 0)), [[8, 'shared_memory']]);
    }
  });

  test('is one member however often it is killed, and the victim is none', () => {
    const { kills } = setUp(event(7, { decision: decision(1), isShared: true }));
    for (const pid of [8, 8, 7]) kills.add(event(pid, { sharesWith: 7 }), 0);
    assert.deepEqual(reasons(kills.take(0, 1)), [[8, 'shared_memory']]);
  });

  test('and whose cgroup dies as a whole is a member for that: the kernel counts it', () => {
    const group = { decision: decision(1), groupCgroupId: CGROUP, isShared: true };
    const { kills } = setUp(event(7, group), event(8, group));
    kills.add(event(8, { sharesWith: 7 }), 0);
    kills.add(event(9, { sharesWith: 8 }), 0);
    assert.deepEqual(reasons(kills.take(0, 1)), [
      [8, 'group'],
      [9, 'shared_memory'],
    ]);
  });

  test('belongs to no kill by another trigger, nor to one that comes later', () => {
    const { kills } = setUp();
    kills.add(event(8, { sharesWith: 7, trigger: task(2) }), 0);
    kills.add(event(7, { decision: decision(1), isShared: true }), 0);
    assert.deepEqual(reasons(kills.take(300, 1)), []);
    assert.deepEqual(kills.take(5000, 1), []);
    kills.add(event(7, { decision: decision(2), isShared: true, trigger: task(2) }), 5000);
    assert.deepEqual(reasons(kills.take(5300, 2)), []);
  });
});

suite('the trigger of a kill that the OOM killer was not seen to decide', () => {
  for (const [fullPath, limitCgroup, isOutside] of [
    ['/pod/app', '/pod/app', false],
    ['/pod/app', '/pod', false],
    ['/pod/app', '/', false],
    ['/pods', '/pod', true],
    ['/', '/pod', true],
    ['/other', '/pod', true],
  ] as const) {
    test(`in ${fullPath} is ${isOutside ? 'outside' : 'inside'} the limit of ${limitCgroup}`, () => {
      const paths = new OomPaths(2);
      paths.add({ cgroupId: 77n, place: placeAt('/'), fullPath, isCut: false });
      const report = { constraint: 'memcg', victimCgroup: limitCgroup, limitCgroup };
      const kills = new OomKills({ read: () => [{ pid: 7, memcg: true, report }] }, paths);
      kills.add(event(7, { trigger: task(1, { defaultCgroupId: 77n }) }), 0);
      assert.equal(kills.take(0, 0)[0]?.limit?.isTriggerOutside, isOutside);
    });
  }

  test('in a cgroup whose path is not known, or not whole, does not say', () => {
    for (const isCut of [true, false]) {
      const paths = new OomPaths(2);
      if (isCut) paths.add({ cgroupId: 77n, place: placeAt('/…/app'), fullPath: '/…/app', isCut });
      assert.equal(paths.isOutside(task(1, { defaultCgroupId: 77n }), '/pod'), undefined);
    }
  });
});
