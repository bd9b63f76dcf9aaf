import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnOf } from '../../src/history/columns.ts';
import { overlayfsMetrics } from '../../src/receivers/overlayfs/metrics.ts';

test('series of one metric have columns by operation and cause, whosever they are', () => {
  const waits = overlayfsMetrics.find(({ name }) => name === 'floatie_overlayfs_wait_seconds_total');
  assert.ok(waits !== undefined);
  for (const cgroup of ['/a', '/b']) {
    for (const [op, cause] of [
      ['read', 'cpu'],
      ['read', 'device'],
      ['write', 'cpu'],
    ] as const) {
      const attributes = { op, cause, cgroup };
      const expected = { kind: 'counter', name: `${op}/wait/${cause}` };
      assert.deepEqual([columnOf(waits, attributes), columnOf(waits, attributes)], [expected, expected]);
    }
  }
});
