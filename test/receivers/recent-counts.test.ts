import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Identity, identify } from '../../src/containers/identity.ts';
import { RecentCounts, type RecentSeries } from '../../src/receivers/recent-counts.ts';

const HOSTILE = `/docker/${'a'.repeat(64)}`;
const QUIET = `/docker/${'b'.repeat(64)}`;
const POD = '/kubepods.slice/kubepods-pod0b1c2d3e_1111_2222_3333_444455556666.slice';
const UID = '0b1c2d3e-1111-2222-3333-444455556666';

function kill(victims: RecentCounts, path: string, victim: string, trigger = 'trigger', nowMs = 0): void {
  const owner: Identity = identify(path);
  const other = { trigger_comm: 'other', victim_comm: 'other', scope: 'memcg' };
  const choices = [
    [{ ...other, trigger_comm: trigger, victim_comm: victim }, 100],
    [{ ...other, victim_comm: victim }, 200],
  ] as const;
  victims.count(choices, other, owner, nowMs);
}

const of = (series: Iterable<RecentSeries>, path: string): RecentSeries[] =>
  [...series].filter(({ attributes }) => String(attributes.cgroup).startsWith(path));
const total = (series: readonly RecentSeries[]): number => series.reduce((sum, { count }) => sum + count, 0);

suite('a container whose processes take ever new names', () => {
  test('has a bounded number of series, and no kill is lost', () => {
    const victims = new RecentCounts(1000);
    for (let at = 0; at < 10_000; at++) kill(victims, HOSTILE, `random${at}x`);
    const series = of(victims.values(), HOSTILE);
    assert.ok(series.length <= 201, `${series.length} series`);
    assert.equal(total(series), 10_000);
    assert.equal(victims.folded, 10_000 - 100);
  });

  test('keeps its own name on what does not fit', () => {
    const victims = new RecentCounts(1000);
    for (let at = 0; at < 1000; at++) kill(victims, HOSTILE, `random${at}x`);
    const { attributes } = of(victims.values(), HOSTILE).find(
      ({ attributes: { victim_comm } }) => victim_comm === 'other',
    ) as RecentSeries;
    assert.deepEqual(attributes, {
      ...{ trigger_comm: 'other', victim_comm: 'other', scope: 'memcg' },
      ...{ cgroup: HOSTILE, 'container.id': 'a'.repeat(64) },
    });
  });

  test('pushes out no series of others', () => {
    const victims = new RecentCounts(150);
    kill(victims, QUIET, 'quiet', 'trigger', 0);
    for (let at = 0; at < 1000; at++) kill(victims, HOSTILE, `random${at}x`, 'trigger', at);
    victims.retire(1000, 60_000);
    assert.deepEqual(
      of(victims.values(), QUIET).map(({ attributes, count }) => [attributes.victim_comm, count]),
      [['quiet', 1]],
    );
    assert.equal([...victims.values()].length, 150);
  });

  test('has no more when it makes cgroups inside itself', () => {
    const victims = new RecentCounts(1000);
    for (let at = 0; at < 1000; at++) kill(victims, `${HOSTILE}/nested${at}`, 'same');
    const series = of(victims.values(), HOSTILE);
    assert.ok(series.length <= 201, `${series.length} series`);
    assert.equal(total(series), 1000);
  });

  test('has room again when old series ended', () => {
    const victims = new RecentCounts(1000);
    for (let at = 0; at < 1000; at++) kill(victims, HOSTILE, `random${at}x`, 'trigger', 0);
    victims.retire(1000, 1000);
    kill(victims, HOSTILE, 'new', 'trigger', 1000);
    assert.deepEqual(
      [...victims.values()].map(({ attributes }) => attributes.victim_comm),
      ['new'],
    );
  });
});

suite('a place that shares its series', () => {
  test('is a pod, whichever containers it has', () => {
    const victims = new RecentCounts(1000);
    for (let at = 0; at < 1000; at++) {
      kill(victims, `${POD}/cri-containerd-${at.toString(16).padStart(64, '0')}.scope`, 'crashes');
    }
    const series = of(victims.values(), POD);
    assert.ok(series.length <= 201, `${series.length} series`);
    const other = series.find(({ attributes: { victim_comm } }) => victim_comm === 'other');
    assert.deepEqual([other?.attributes.cgroup, other?.attributes['k8s.pod.uid']], [POD, UID]);
  });

  test('is a container of LXC, whatever lies above it', () => {
    const victims = new RecentCounts(1000);
    for (let at = 0; at < 1000; at++) kill(victims, `/machine.slice/lxc.payload.a/made${at}`, 'same');
    const other = [...victims.values()].find(({ attributes: { victim_comm } }) => victim_comm === 'other');
    assert.deepEqual(
      [other?.attributes.cgroup, other?.attributes['container.id']],
      ['/machine.slice/lxc.payload.a', 'a'],
    );
  });

  test('is a user, who may call cgroups what containers are called', () => {
    const victims = new RecentCounts(1000);
    const home = '/user.slice/user-1000.slice';
    for (let at = 0; at < 1000; at++) {
      kill(victims, `${home}/user@1000.service/user.slice/libpod-${at.toString(16).padStart(64, '0')}.scope`, 'same');
    }
    const series = of(victims.values(), home);
    assert.ok(series.length <= 201, `${series.length} series`);
    assert.ok(series.some(({ attributes: { cgroup } }) => cgroup === home));
  });

  test('is the upper part of the path where no container is', () => {
    const victims = new RecentCounts(1000);
    for (let at = 0; at < 1000; at++) kill(victims, `/user.slice/user-1000.slice/made${at}/up`, 'same');
    const series = of(victims.values(), '/user.slice/user-1000.slice');
    assert.ok(series.length <= 201, `${series.length} series`);
    assert.ok(series.some(({ attributes: { cgroup } }) => cgroup === '/user.slice/user-1000.slice'));
  });
});

test('triggers of another container, whatever they call themselves, leave the victim its name', () => {
  const victims = new RecentCounts(1000);
  for (let at = 0; at < 1000; at++) kill(victims, QUIET, 'database', `random${at}x`);
  const series = of(victims.values(), QUIET);
  assert.deepEqual(new Set(series.map(({ attributes }) => attributes.victim_comm)), new Set(['database']));
  assert.equal(total(series), 1000);
});
