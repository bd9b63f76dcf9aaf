import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContainerHistory } from '../../src/history/container.ts';
import { Takings } from '../../src/history/feed.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import type { Sample } from '../../src/metrics/registry.ts';

const METRIC: Metric = { name: 'counter', kind: 'counter', unit: '', description: '', attributes: [] };
const SAMPLE: Sample = { metric: METRIC, member: { key: '1', attributes: {}, startTime: [0, 0], totals: [1] } };

test('a counter that nobody has any more, or that is of another container now, takes no room', () => {
  const [first, second] = [new ContainerHistory({}, 0), new ContainerHistory({}, 0)];
  const takings = new Takings();
  const taken = takings.of('entry', 1);
  taken.moveTo(first);
  assert.equal(taken.seenOf(SAMPLE)?.isFirst, true);
  assert.deepEqual([first.counters, second.counters], [1, 0]);
  taken.moveTo(second);
  assert.deepEqual([first.counters, second.counters], [0, 1]);
  takings.forget(2);
  assert.deepEqual([first.counters, second.counters], [0, 0]);
});
