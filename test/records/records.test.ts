import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OOM_KILL, type OomKillRecord } from '../../src/receivers/oom/record-schema.ts';
import { Records } from '../../src/records/records.ts';
import type { RecordSchema, TypedRecord } from '../../src/records/schema.ts';
import { oomRecord } from '../support/records.ts';

function record(container: string, pid: number, more: Partial<OomKillRecord['values']> = {}): OomKillRecord {
  const id = container.repeat(64);
  return oomRecord({ cgroup: `/docker/${id}`, 'container.id': id, 'victim.pid': pid, ...more });
}

const pids = (records: readonly TypedRecord[] | null): unknown[] =>
  (records ?? []).map(({ values }) => (values as OomKillRecord['values'])['victim.pid']);

suite('the records of the last kills', () => {
  test('are the last thousand, oldest first, each told once', () => {
    const records = new Records([OOM_KILL]);
    const told: unknown[] = [];
    records.onAdd((record) => told.push(record));
    for (let pid = 0; pid < 1500; pid++) records.add(record('a', pid));
    assert.deepEqual(
      pids(records.at('/oom')),
      Array.from({ length: 1000 }, (_, at) => at + 500),
    );
    assert.equal(told.length, 1500);
  });

  test('are listed as they are now, also by who has listed them before', () => {
    const records = new Records([OOM_KILL]);
    for (const pid of [1, 2]) {
      records.add(record('a', pid));
      assert.equal(pids(records.at('/oom')).at(-1), pid);
    }
  });

  test('of others stay, however many one container has', () => {
    const records = new Records([OOM_KILL]);
    records.add(record('b', 1));
    for (let pid = 2; pid < 5000; pid++) records.add(record('a', pid));
    records.add(record('b', 5000));
    const last = pids(records.at('/oom'));
    assert.equal(last.length, 1000);
    assert.deepEqual([last[0], last.at(-1)], [1, 5000]);
  });

  test('of others stay, however many cgroups one container makes inside', () => {
    const records = new Records([OOM_KILL]);
    records.add(record('b', 1));
    for (let pid = 2; pid < 5000; pid++) {
      records.add(record('a', pid, { cgroup: `/docker/${'a'.repeat(64)}/made${pid}` }));
    }
    assert.equal(pids(records.at('/oom'))[0], 1);
  });

  test('of each of a thousand and one containers are those of the last thousand', () => {
    const records = new Records([OOM_KILL]);
    for (let pid = 0; pid <= 1000; pid++) {
      const id = pid.toString(16).padStart(64, '0');
      records.add(oomRecord({ cgroup: `/docker/${id}`, 'container.id': id, 'victim.pid': pid }));
    }
    const last = pids(records.at('/oom'));
    assert.deepEqual([last.length, last[0]], [1000, 1]);
  });

  test('of before the start make room first where they are of the same container', () => {
    const records = new Records([OOM_KILL]);
    records.add(record('a', 5000));
    records.remember(Array.from({ length: 2000 }, (_, pid) => record('a', pid, { read_from: 'kernel_log' })));
    records.add(record('a', 5001));
    const last = pids(records.at('/oom'));
    assert.deepEqual([last.length, last.slice(-2)], [1000, [5000, 5001]]);
    assert.deepEqual(pids(records.seen), [5000, 5001]);
  });
});

test('a record of what listeners have from another one is listed, and not told', () => {
  const records = new Records([OOM_KILL]);
  const told: unknown[] = [];
  records.onAdd((record) => told.push(record));
  records.list(record('a', 1));
  assert.deepEqual([pids(records.at('/oom')), records.seen, told], [[1], [], []]);
});

suite('records of two kinds', () => {
  const OTHER: RecordSchema = { ...OOM_KILL, path: '/other', summaryOf: () => 'something else' };
  const other = (pid: number): TypedRecord => ({ ...record('a', pid), schema: OTHER });

  test('have a list each, and no room of the other’s', () => {
    const records = new Records([OOM_KILL, OTHER]);
    records.add(record('a', 1));
    for (let pid = 2; pid < 5000; pid++) records.add(other(pid));
    assert.deepEqual([pids(records.at('/oom')), records.at('/other')?.length], [[1], 1000]);
  });

  test('are told to the same listeners', () => {
    const records = new Records([OOM_KILL, OTHER]);
    const told: unknown[] = [];
    records.onAdd(({ schema }) => told.push(schema));
    records.add(record('a', 1));
    records.add(other(2));
    assert.deepEqual(told, [OOM_KILL, OTHER]);
  });

  test('are remembered of before the start without those of the other', () => {
    const records = new Records([OOM_KILL, OTHER]);
    records.add(other(2));
    records.remember([record('a', 1)]);
    assert.deepEqual([pids(records.at('/oom')), pids(records.at('/other'))], [[1], [2]]);
  });

  test('are listed at their own paths only', () => {
    assert.equal(new Records([OOM_KILL]).at('/other'), null);
  });
});
