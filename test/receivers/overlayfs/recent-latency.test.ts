import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RecentLatency } from '../../../src/receivers/overlayfs/recent-latency.ts';

const BOUNDS_NS = [1000, 2000, 4000];
const NONE = [0, 0, 0, 0];

interface Setup {
  readonly latency: RecentLatency;
  /** The keys whose buckets were read. */
  readonly reads: string[];
  /** Adds reads to the buckets of a cgroup. */
  count(cgroupId: bigint, reads: readonly number[], key?: string): void;
}

function setUp(): Setup {
  const all = new Map<string, { cgroupId: bigint; reads: number[] }>();
  const keys: string[] = [];
  const read = () =>
    Array.from(all, ([key, { cgroupId, reads }]) => ({
      ...{ key, cgroupId },
      version: reads.reduce((sum, count) => sum + count, 0),
      buckets: () => {
        keys.push(key);
        return [['read', Float64Array.from(reads)] as const];
      },
    }));
  return {
    latency: new RecentLatency(read, BOUNDS_NS),
    reads: keys,
    count(cgroupId, reads, key = String(cgroupId)) {
      const { reads: before } = all.get(key) ?? { reads: NONE };
      all.set(key, { cgroupId, reads: before.map((count, index) => count + (reads[index] ?? 0)) });
    },
  };
}

suite('the 99th percentile of the last minute', () => {
  for (const [reads, expected] of [
    [[1, 0, 0, 0], 1],
    [[99, 1, 0, 0], 1],
    [[98, 2, 0, 0], 2],
    [[0, 0, 100, 0], 4],
    [[0, 0, 0, 1], 4],
  ] as const) {
    test(`of ${reads} is ${expected} µs`, () => {
      const { latency, count } = setUp();
      count(7n, reads);
      assert.deepEqual(latency.p99Us(7n, 0), { read: expected });
    });
  }

  test('is absent for a cgroup that did nothing, or is not known', () => {
    const { latency, count } = setUp();
    count(7n, NONE);
    assert.deepEqual([latency.p99Us(7n, 0), latency.p99Us(8n, 0)], [{}, {}]);
  });

  test('is of what came since, once there are counts that are old enough', () => {
    const { latency, count } = setUp();
    count(7n, [0, 0, 1000, 0]);
    latency.keep(0);
    count(7n, [10, 0, 0, 0]);
    assert.deepEqual(latency.p99Us(7n, 59_999), { read: 4 });
    assert.deepEqual(latency.p99Us(7n, 60_000), { read: 1 });
    latency.keep(60_000);
    assert.deepEqual(latency.p99Us(7n, 120_000), {});
  });

  test('looks back one minute, however long it has kept counts', () => {
    const { latency, count } = setUp();
    for (let atMs = 0; atMs <= 600_000; atMs += 15_000) {
      latency.keep(atMs);
      count(7n, atMs < 540_000 ? [0, 0, 100, 0] : [1, 0, 0, 0]);
    }
    assert.deepEqual(latency.p99Us(7n, 600_000), { read: 1 });
  });

  test('of a cgroup that took the place of another has nothing of that one', () => {
    const { latency, count } = setUp();
    count(7n, [0, 0, 100, 0], 'slot.1');
    latency.keep(0);
    count(8n, [100, 0, 0, 0], 'slot.2');
    assert.deepEqual(latency.p99Us(8n, 60_000), { read: 1 });
  });

  test('is right where more was counted than 32 bits hold', () => {
    const { latency, count } = setUp();
    count(7n, [0, 3 * 2 ** 32 + 7, 0, 0]);
    count(8n, [5, 0, 0, 0]);
    latency.keep(0);
    count(7n, [1, 99, 0, 0]);
    count(8n, [0, 0, 5, 0]);
    assert.deepEqual([latency.p99Us(7n, 60_000), latency.p99Us(8n, 60_000)], [{ read: 2 }, { read: 4 }]);
  });

  test('costs no reading of what has not changed', () => {
    const { latency, count, reads } = setUp();
    count(7n, [0, 0, 1000, 0]);
    count(8n, [5, 0, 0, 0]);
    for (let atMs = 0; atMs <= 600_000; atMs += 15_000) latency.keep(atMs);
    assert.deepEqual(reads, ['7', '8']);
    count(8n, [1, 0, 0, 0]);
    latency.keep(615_000);
    assert.deepEqual(reads, ['7', '8', '8']);
    assert.deepEqual([latency.p99Us(7n, 620_000), latency.p99Us(8n, 620_000)], [{}, { read: 1 }]);
  });

  test('is the same when the counts are kept in steps', async () => {
    const { latency, count } = setUp();
    count(7n, [0, 0, 1000, 0]);
    await latency.keepInSteps(0);
    count(7n, [10, 0, 0, 0]);
    assert.deepEqual(latency.p99Us(7n, 60_000), { read: 1 });
  });
});
