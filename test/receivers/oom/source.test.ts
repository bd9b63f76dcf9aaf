import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { viewOptions } from '../../../src/config/view-options.ts';
import { Cgroups } from '../../../src/containers/cgroups.ts';
import { createProducer } from '../../../src/metrics/producer.ts';
import { MetricRegistry, type Sample } from '../../../src/metrics/registry.ts';
import type { OomVictim } from '../../../src/receivers/oom/events.ts';
import type { OomKill } from '../../../src/receivers/oom/kills.ts';
import { metrics } from '../../../src/receivers/oom/metrics.ts';
import type { OomReceiver } from '../../../src/receivers/oom/receiver.ts';
import { OomSource, type OomSourceOptions } from '../../../src/receivers/oom/source.ts';
import { type FlatRecord, flatten } from '../../../src/records/encode.ts';
import { collect, labels, named, valuesOf, view } from '../../metrics/counts.ts';
import { holdClocks } from '../../support/clocks.ts';
import { task, victim } from './tasks.ts';

const KILLS = metrics.kills;

let mount: string;

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'floatie-oom-'));
});

afterEach(() => rmSync(mount, { recursive: true }));

/** What the source asks of a receiver: the kills that a test puts there are taken once. */
class FakeReceiver {
  kills: OomKill[] = [];
  lost = 0;
  /** How each call of `take` was made. */
  readonly calls: [number, boolean][] = [];

  take(nowMs: number, final = false): OomKill[] {
    this.calls.push([nowMs, final]);
    return this.kills.splice(0);
  }

  counts() {
    return { kills: 0, lost: this.lost, corrupted: 0 };
  }
}

interface Setup {
  readonly receiver: FakeReceiver;
  readonly source: OomSource;
  /** What `onKill` was called with. */
  readonly told: FlatRecord[];
}

function setUp(options: Partial<OomSourceOptions> = {}): Setup {
  const receiver = new FakeReceiver();
  const told: Setup['told'] = [];
  const source = new OomSource(receiver as unknown as OomReceiver, new Cgroups(mount), {
    maxSeries: 100,
    retainMs: 60_000,
    cgroupIdOf: (kill) => kill.defaultCgroupId,
    onKill: (record) => told.push(flatten(record)),
    ...options,
  });
  return { receiver, source, told };
}

/** A kill in a cgroup that nobody finds, unless `changes` say where. */
function kill(comm: string, changes: Partial<OomKill & OomVictim> = {}): OomKill {
  const { trigger = task({ comm: 'trigger' }), scope = 'memcg', members = [], ...others } = changes;
  return { timeNs: 0, trigger, members, scope, victim: victim({ comm, ...others }), ...others };
}

/** @returns the id of the new cgroup */
function createCgroup(name: string): bigint {
  mkdirSync(join(mount, name), { recursive: true });
  return statSync(join(mount, name), { bigint: true }).ino;
}

function values(samples: readonly Sample[]): Record<string, number> {
  return Object.fromEntries(samples.map(({ member }) => [labels(member.attributes), member.totals[0] ?? Number.NaN]));
}

/** The victims in samples, in their order. */
function victims(samples: readonly Sample[]): unknown[] {
  return samples.flatMap(({ member }) => member.attributes.victim_comm ?? []);
}

function sampleOf(samples: readonly Sample[], victim: string): Sample {
  const found = samples.find(({ member }) => member.attributes.victim_comm === victim);
  assert.ok(found, `there is a series of ${victim}`);
  return found;
}

function labelled(victim: string, cgroup = 'unknown'): string {
  return `cgroup=${cgroup},scope=memcg,trigger_comm=trigger,victim_comm=${victim}`;
}

const LOST = 'scope=unknown,trigger_comm=unknown,victim_comm=unknown';

suite('OOM kills', () => {
  test('are one series at 0 without attributes before the first', () => {
    assert.deepEqual(values(setUp().source.read()), { '': 0 });
  });

  test('leave that one at 0, so that nothing is counted twice', () => {
    const { receiver, source } = setUp();
    receiver.kills = [kill('a')];
    assert.deepEqual(values(source.read()), { '': 0, [labelled('a')]: 1 });
  });

  test('are samples of one metric', () => {
    const { receiver, source } = setUp();
    receiver.kills = [kill('a')];
    receiver.lost = 1;
    assert.deepEqual(new Set(source.read().map(({ metric }) => metric)), new Set(source.metrics));
  });

  test('with the same attributes add up', () => {
    const { receiver, source } = setUp();
    receiver.kills = [kill('a'), kill('b'), kill('a')];
    source.poll();
    receiver.kills = [kill('a')];
    assert.deepEqual(values(source.read()), { '': 0, [labelled('a')]: 3, [labelled('b')]: 1 });
  });

  test('with the same attributes in other processes add up, too', () => {
    const { receiver, source } = setUp();
    receiver.kills = [kill('a', { pid: 2 }), kill('a', { pid: 3 })];
    assert.equal(values(source.read())[labelled('a')], 2);
  });

  test('are apart by victim, trigger, scope and cgroup', () => {
    const id = createCgroup('app');
    const { receiver, source } = setUp();
    receiver.kills = [
      kill('a'),
      kill('b'),
      kill('a', { trigger: task({ comm: 'other' }) }),
      kill('a', { scope: 'global' }),
      kill('a', { defaultCgroupId: id }),
    ];
    assert.deepEqual(new Set(source.read().map(({ member }) => member.key)).size, 6);
  });

  test('stay until they are ended, however often somebody looks', () => {
    const { receiver, source } = setUp();
    receiver.kills = [kill('a')];
    source.read();
    assert.deepEqual(values(source.read()), { '': 0, [labelled('a')]: 1 });
  });

  test('whose details are lost are counted as unknown', () => {
    const { receiver, source } = setUp();
    receiver.lost = 7;
    assert.deepEqual(values(source.read()), { '': 0, [LOST]: 7 });
  });

  test('whose details are lost are no series while there are none', () => {
    assert.deepEqual(victims(setUp().source.read()), []);
  });

  test('by kernel workers have one trigger', () => {
    const { receiver, source } = setUp();
    receiver.kills = ['kworker/0:1', 'kworker/u8:3-events'].map((comm) => kill('a', { trigger: task({ comm }) }));
    assert.deepEqual(values(source.read()), {
      '': 0,
      'cgroup=unknown,scope=memcg,trigger_comm=kworker,victim_comm=a': 2,
    });
  });

  test('are asked for at the given time, the last time finally', () => {
    const { receiver, source } = setUp();
    source.poll(1000);
    source.poll(2000, true);
    assert.deepEqual(receiver.calls, [
      [1000, false],
      [2000, true],
    ]);
  });
});

suite('the cgroup of a victim', () => {
  const CONTAINER = 'c'.repeat(64);

  test('is named', () => {
    const id = createCgroup('app');
    const { receiver, source } = setUp();
    receiver.kills = [kill('a', { defaultCgroupId: id })];
    assert.deepEqual(values(source.read()), { '': 0, [labelled('a', '/app')]: 1 });
  });

  test('is named with its container', () => {
    const id = createCgroup(`docker/${CONTAINER}`);
    const { receiver, source } = setUp();
    receiver.kills = [kill('a', { defaultCgroupId: id })];
    const { attributes } = sampleOf(source.read(), 'a').member;
    assert.deepEqual([attributes.cgroup, attributes['container.id']], [`/docker/${CONTAINER}`, CONTAINER]);
  });

  test('is that of the hierarchy it is asked in', () => {
    const [v1, v2] = [createCgroup('v1'), createCgroup('v2')];
    const { receiver, source } = setUp({ cgroupIdOf: ({ memoryCgroupId }) => memoryCgroupId });
    receiver.kills = [kill('a', { memoryCgroupId: v1, defaultCgroupId: v2 })];
    assert.deepEqual(victims([sampleOf(source.read(), 'a')]), ['a']);
    assert.equal(sampleOf(source.read(), 'a').member.attributes.cgroup, '/v1');
  });

  test('that is gone before it could be named is unknown', () => {
    const { receiver, source } = setUp();
    receiver.kills = [kill('a', { defaultCgroupId: 1n })];
    assert.deepEqual(values(source.read()), { '': 0, [labelled('a')]: 1 });
  });

  test('that is gone after it was named keeps its name', () => {
    const id = createCgroup('app');
    const { receiver, source } = setUp();
    receiver.kills = [kill('a', { defaultCgroupId: id })];
    source.poll();
    rmdirSync(join(mount, 'app'));
    receiver.kills = [kill('a', { defaultCgroupId: id })];
    assert.equal(values(source.read())[labelled('a', '/app')], 2);
  });
});

suite('every kill is told', () => {
  test('once, in its order, with its cgroup', () => {
    const id = createCgroup('app');
    const { receiver, source, told } = setUp();
    receiver.kills = [kill('a', { defaultCgroupId: id }), kill('b'), kill('b')];
    source.poll();
    source.read();
    source.read();
    assert.deepEqual(
      told.map(({ victim_comm, cgroup }) => [victim_comm, cgroup]),
      [
        ['a', '/app'],
        ['b', 'unknown'],
        ['b', 'unknown'],
      ],
    );
  });

  test('under the name the kernel gave it, not the one it is counted under', () => {
    const { receiver, source, told } = setUp();
    receiver.kills = [kill('a', { trigger: task({ comm: 'kworker/0:1' }) })];
    source.poll();
    assert.equal(told[0]?.trigger_comm, 'kworker/0:1');
  });

  test('with the cgroup whose limit was hit, whether its id is known or its path', () => {
    const [pod, app] = [createCgroup('pod'), createCgroup('pod/app')];
    const { receiver, source, told } = setUp();
    receiver.kills = [pod, '/pod'].map((cgroup) =>
      kill('a', { defaultCgroupId: app, limit: { owner: 'ancestor', cgroup } }),
    );
    source.poll();
    for (const { cgroup, limit_owner, limit_cgroup } of told) {
      assert.deepEqual([cgroup, limit_owner, limit_cgroup], ['/pod/app', 'ancestor', '/pod']);
    }
  });

  test('once for a cgroup that died as a whole, while each of its processes is counted', () => {
    const id = createCgroup('app');
    const { receiver, source, told } = setUp();
    const members = ['b', 'c'].map((comm) => ({ ...victim({ comm, defaultCgroupId: id }), reason: 'group' as const }));
    receiver.kills = [kill('a', { members, isGroup: true })];
    assert.deepEqual(values(source.read()), {
      '': 0,
      [labelled('a')]: 1,
      [labelled('b', '/app')]: 1,
      [labelled('c', '/app')]: 1,
    });
    assert.equal(told.length, 1);
  });

  test('with those that shared its memory, which are not counted: the kernel does not count them', () => {
    const seen: bigint[] = [];
    const { receiver, source, told } = setUp({ onVictim: (id) => seen.push(id) });
    receiver.kills = [kill('a', { members: [{ ...victim({ comm: 'b' }), reason: 'shared_memory' }] })];
    assert.deepEqual(values(source.read()), { '': 0, [labelled('a')]: 1 });
    assert.deepEqual([told.length, told[0]?.victim_comm, seen.length], [1, 'a', 1]);
  });

  test('not when its details are lost', () => {
    const { receiver, source, told } = setUp();
    receiver.lost = 3;
    source.read();
    assert.deepEqual(told, []);
  });
});

suite('the series of victims', () => {
  function killAt(setup: Setup, nowMs: number, ...names: string[]): void {
    setup.receiver.kills = names.map((name) => kill(name));
    setup.source.poll(nowMs);
  }

  test('are all kept while they are not too many', () => {
    const setup = setUp({ maxSeries: 3 });
    killAt(setup, 0, 'a', 'b', 'c');
    assert.deepEqual(setup.source.retire(0), []);
  });

  test('that are too many end, the least recently killed first', () => {
    const setup = setUp({ maxSeries: 2 });
    killAt(setup, 0, 'a', 'b', 'c', 'd');
    assert.deepEqual(
      [victims(setup.source.retire(0)), victims(setup.source.read())],
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    );
  });

  test('are kept by their last kill, not their first', () => {
    const setup = setUp({ maxSeries: 2 });
    killAt(setup, 0, 'a', 'b', 'c', 'a');
    assert.deepEqual([victims(setup.source.retire(0)), victims(setup.source.read())], [['b'], ['c', 'a']]);
  });

  test('end with their totals', () => {
    const setup = setUp({ maxSeries: 1 });
    killAt(setup, 0, 'a', 'a', 'b');
    assert.deepEqual(values(setup.source.retire(0)), { [labelled('a')]: 2 });
  });

  test('end once', () => {
    const setup = setUp({ maxSeries: 1 });
    killAt(setup, 0, 'a', 'b');
    setup.source.retire(0);
    assert.deepEqual(setup.source.retire(0), []);
  });

  test('end when they are too old, and not before', () => {
    const setup = setUp({ retainMs: 1000 });
    killAt(setup, 5000, 'a');
    assert.deepEqual([victims(setup.source.retire(5999)), victims(setup.source.retire(6000))], [[], ['a']]);
  });

  test('are as old as their last kill', () => {
    const setup = setUp({ retainMs: 1000 });
    killAt(setup, 0, 'a', 'b');
    killAt(setup, 900, 'a');
    assert.deepEqual([victims(setup.source.retire(1000)), victims(setup.source.retire(1900))], [['b'], ['a']]);
  });

  test('end for their age although others are too many', () => {
    const setup = setUp({ maxSeries: 2, retainMs: 1000 });
    killAt(setup, 0, 'a', 'b');
    killAt(setup, 500, 'c', 'd');
    assert.deepEqual(victims(setup.source.retire(1000)), ['a', 'b']);
  });

  test('are others, with a key and a start of their own, when they come again', (context) => {
    const clocks = holdClocks(context);
    const setup = setUp({ retainMs: 1000 });
    killAt(setup, 0, 'a');
    const before = sampleOf(setup.source.read(), 'a').member;
    setup.source.retire(1000);
    clocks.pass(2000);
    killAt(setup, 2000, 'a');
    const after = sampleOf(setup.source.read(), 'a').member;
    assert.notEqual(after.key, before.key);
    assert.notDeepEqual(after.startTime, before.startTime);
    assert.deepEqual([after.attributes, after.totals[0]], [before.attributes, 1]);
  });

  test('have keys of their own, however many come and go', () => {
    const setup = setUp({ maxSeries: 2 });
    const keys: string[] = [];
    for (let round = 0; round < 50; round++) {
      killAt(setup, round, 'a', 'b', 'c');
      keys.push(...setup.source.retire(round).map(({ member }) => member.key));
    }
    assert.equal(new Set(keys).size, keys.length);
  });

  test('keep key and start while they stay', () => {
    const setup = setUp();
    killAt(setup, 0, 'a');
    const before = sampleOf(setup.source.read(), 'a').member;
    killAt(setup, 10, 'a');
    const after = sampleOf(setup.source.read(), 'a').member;
    assert.deepEqual([after.key, after.startTime], [before.key, before.startTime]);
  });

  test('do not take the one without a victim or the lost ones with them', () => {
    const setup = setUp({ maxSeries: 1, retainMs: 0 });
    setup.receiver.lost = 2;
    killAt(setup, 0, 'a', 'b');
    setup.source.retire(1e6);
    assert.deepEqual(values(setup.source.read()), { '': 0, [LOST]: 2 });
  });
});

suite('OOM kills under a view', () => {
  async function shown(registry: MetricRegistry): Promise<Record<string, number>> {
    return valuesOf(
      named(await collect(createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE })), KILLS.name),
    );
  }

  function kernelOf(
    included: string[] | null,
    options: Partial<OomSourceOptions>,
  ): Setup & { registry: MetricRegistry } {
    const views = included === null ? [] : [view(KILLS, { attribute_keys: { included } })];
    const registry = new MetricRegistry(viewOptions(views));
    const setup = setUp(options);
    registry.addSource(setup.source);
    return { registry, ...setup };
  }

  test('without attributes are one total of all, lost ones too', async () => {
    const { registry, receiver } = kernelOf([], {});
    receiver.kills = [kill('a'), kill('b'), kill('a')];
    receiver.lost = 4;
    assert.deepEqual(await shown(registry), { '': 7 });
  });

  test('without attributes keep their total when series end', async () => {
    const { registry, source, receiver } = kernelOf([], { maxSeries: 1 });
    receiver.kills = [kill('a'), kill('b'), kill('c')];
    source.poll();
    registry.end(source.retire());
    assert.deepEqual(await shown(registry), { '': 3 });
    receiver.kills = [kill('a')];
    assert.deepEqual(await shown(registry), { '': 4 });
  });

  test('by scope go on from their total when a series ended and comes again', async () => {
    const { registry, source, receiver } = kernelOf(['scope'], { retainMs: 1000 });
    receiver.kills = [kill('a'), kill('b')];
    source.poll(0);
    receiver.kills = [kill('b')];
    source.poll(900);
    await shown(registry);
    registry.end(source.retire(1000));
    receiver.kills = [kill('a')];
    assert.deepEqual(await shown(registry), { '': 0, 'scope=memcg': 4 });
  });

  test('that keeps everything lose the series that ended', async () => {
    const { registry, source, receiver } = kernelOf(null, { maxSeries: 1 });
    receiver.kills = [kill('a'), kill('b')];
    await shown(registry);
    registry.end(source.retire());
    assert.deepEqual(await shown(registry), { '': 0, [labelled('b')]: 1 });
  });

  test('that keeps everything count a series that comes again from 1', async () => {
    const { registry, source, receiver } = kernelOf(null, { maxSeries: 1 });
    receiver.kills = [kill('a'), kill('a'), kill('b')];
    await shown(registry);
    registry.end(source.retire());
    receiver.kills = [kill('a')];
    assert.equal((await shown(registry))[labelled('a')], 1);
  });
});
