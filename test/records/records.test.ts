import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OomRecord } from '../../src/records/record.ts';
import { OomRecords } from '../../src/records/records.ts';

function record(container: string, victim_pid: number, more: OomRecord = {}): OomRecord {
  return { cgroup: `/docker/${container.repeat(64)}`, container_id: container.repeat(64), victim_pid, ...more };
}

const pids = (records: readonly OomRecord[]): unknown[] => records.map(({ victim_pid }) => victim_pid);

suite('the records of the last kills', () => {
  test('are the last thousand, oldest first, each told once', () => {
    const records = new OomRecords();
    const told: OomRecord[] = [];
    records.onAdd((record) => told.push(record));
    for (let pid = 0; pid < 1500; pid++) records.add(record('a', pid));
    assert.deepEqual(
      pids(records.last),
      Array.from({ length: 1000 }, (_, at) => at + 500),
    );
    assert.equal(told.length, 1500);
  });

  test('of others stay, however many one container has', () => {
    const records = new OomRecords();
    records.add(record('b', 1));
    for (let pid = 2; pid < 5000; pid++) records.add(record('a', pid));
    records.add(record('b', 5000));
    assert.equal(records.last.length, 1000);
    assert.deepEqual([pids(records.last)[0], pids(records.last).at(-1)], [1, 5000]);
  });

  test('of others stay, however many cgroups one container makes inside', () => {
    const records = new OomRecords();
    records.add(record('b', 1));
    for (let pid = 2; pid < 5000; pid++) {
      records.add(record('a', pid, { cgroup: `/docker/${'a'.repeat(64)}/made${pid}` }));
    }
    assert.equal(pids(records.last)[0], 1);
  });

  test('of each of a thousand and one containers are those of the last thousand', () => {
    const records = new OomRecords();
    for (let pid = 0; pid <= 1000; pid++) {
      const id = pid.toString(16).padStart(64, '0');
      records.add({ cgroup: `/docker/${id}`, container_id: id, victim_pid: pid });
    }
    assert.deepEqual([records.last.length, pids(records.last)[0]], [1000, 1]);
  });

  test('of before the start make room first where they are of the same container', () => {
    const records = new OomRecords();
    records.add(record('a', 5000));
    records.remember(Array.from({ length: 2000 }, (_, pid) => record('a', pid, { read_from: 'kernel_log' })));
    records.add(record('a', 5001));
    assert.deepEqual([records.last.length, pids(records.last).slice(-2)], [1000, [5000, 5001]]);
    assert.deepEqual(pids(records.seen), [5000, 5001]);
  });
});
