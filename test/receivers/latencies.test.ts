import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Latencies } from '../../src/receivers/latencies.ts';

suite('the latencies that receivers tell each other', () => {
  test('are none where no receiver times anything', () => assert.deepEqual(new Latencies().p99Us(1n), {}));

  test('are those of the cgroup that is asked for, of all receivers together', () => {
    const latencies = new Latencies();
    latencies.add((cgroup) => (cgroup === 1n ? { read: 4, write: 8 } : {}));
    latencies.add((cgroup) => (cgroup === 1n ? { connect: 2 } : { connect: 16 }));
    assert.deepEqual(latencies.p99Us(1n), { read: 4, write: 8, connect: 2 });
    assert.deepEqual(latencies.p99Us(2n), { connect: 16 });
  });
});
