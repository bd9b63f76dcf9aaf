import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countersOf } from '../../../src/receivers/pressure/counters.ts';
import { MemoryReader } from '../../../src/receivers/pressure/memory.ts';

test('with cgroup v1 charges that met the limit of memory and swap together count where the kernel accounts them', () => {
  const mount = '/sys/fs/cgroup/memory';
  const files = new Map([
    [`${mount}/a/memory.failcnt`, '3\n'],
    [`${mount}/a/memory.memsw.failcnt`, '4\n'],
  ]);
  for (const countsSwap of [true, false]) {
    const asked: string[] = [];
    const read = (path: string | Buffer): string | null => {
      asked.push(`${path}`);
      return files.get(`${path}`) ?? null;
    };
    const memory = new MemoryReader({ mount, version: 1 }, () => '');
    const values = [...countersOf({ version: 1, mount, cpuMount: null, countsSwap, memory }, '/a', read)];
    assert.deepEqual(
      values.map(({ event, value }) => [event, value]),
      [['max', countsSwap ? 7 : 3]],
    );
    assert.equal(asked.includes(`${mount}/a/memory.memsw.failcnt`), countsSwap);
  }
});
