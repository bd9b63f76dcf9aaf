import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { cgroupsIn, isBelow } from '../../../src/receivers/oom/kmsg-cgroups.ts';

const MINE = `/docker/${'a'.repeat(64)}`;
const YOURS = `/docker/${'b'.repeat(64)}`;

/** As mm/oom_kill.c and mm/memcontrol.c write it. */
function summary(limit: string | null, victim: string, { comm = 'hog', cpuset = '/' } = {}): string {
  const whose = limit === null ? 'global_oom' : `oom_memcg=${limit}`;
  return `,nodemask=(null),cpuset=${cpuset},mems_allowed=0,${whose},task_memcg=${victim},task=${comm}`;
}

suite('the cgroups of a report are those that the kernel means', () => {
  // What a cgroup's name must hold to look like the kernel's words. No name has a slash.
  const rows: [string, string | null, string, { comm?: string; cpuset?: string }?][] = [
    ['by its own limit', MINE, MINE],
    ['by the limit of one above', '/docker', MINE],
    ['by the root’s limit', '/', MINE],
    ['because the machine’s memory ran out', null, MINE],
    ['where the victim’s name looks like the next field', MINE, `${MINE}/x,task=hog`],
    ['where the task’s name looks like a field', MINE, MINE, { comm: 'a,task=b' }],
    ['where a cpuset is called like a limit', MINE, MINE, { cpuset: 'x,oom_memcg=,task_memcg=' }],
    ['where a cpuset is called like the whole machine', MINE, MINE, { cpuset: 'x,global_oom,task_memcg=' }],
    [
      'where the limit’s path holds another container’s',
      `${MINE}/x,task_memcg=${YOURS}`,
      `${MINE}/x,task_memcg=${YOURS}`,
    ],
    ['where the victim’s path holds another limit', MINE, `${MINE}/x,oom_memcg=${YOURS},task_memcg=${YOURS}`],
    ['where the victim’s path looks like no limit', MINE, `${MINE}/x,global_oom,task_memcg=${YOURS}`],
    [
      'where the victim of the machine’s limit has one in its path',
      null,
      `${MINE}/x,oom_memcg=${YOURS},task_memcg=${YOURS}`,
    ],
    ['where names are repeated', `${MINE}/x,task_memcg=${MINE}/x`, `${MINE}/x,task_memcg=${MINE}/x/y`],
  ];
  for (const [title, limit, victim, others = {}] of rows) {
    test(title, () => {
      const expected = { victimCgroup: victim, ...(limit !== null && { limitCgroup: limit }) };
      const { comm = 'hog' } = others;
      assert.deepEqual(cgroupsIn(summary(limit, victim, others), comm, limit ?? undefined), expected);
      // The name of the limit is not told elsewhere by every kernel; then at least nobody else's is.
      const { limitCgroup = '/', victimCgroup = '/' } = cgroupsIn(summary(limit, victim, others), comm) ?? {};
      assert.ok(!limitCgroup.startsWith(YOURS) && !victimCgroup.startsWith(YOURS), `${limitCgroup} ${victimCgroup}`);
    });
  }

  test('and none where they contradict what the report says elsewhere', () => {
    assert.equal(cgroupsIn(summary(MINE, MINE), 'hog', YOURS), null);
  });

  test('and none where the summary is cut off', () => {
    const text = summary(MINE, MINE);
    for (let length = 0; length < text.indexOf(',task_memcg'); length++) {
      assert.equal(cgroupsIn(text.slice(0, length), 'hog', MINE), null);
    }
  });
});

test('a cgroup is in itself and in those above it, and in none that begins alike', () => {
  assert.ok(isBelow('/a/b', '/a') && isBelow('/a', '/a') && isBelow('/a', '/'));
  assert.ok(!isBelow('/ab', '/a') && !isBelow('/a', '/a/b'));
});
