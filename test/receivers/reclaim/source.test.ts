import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Cgroups } from '../../../src/containers/cgroups.ts';
import { identify } from '../../../src/containers/identity.ts';
import type { Sample } from '../../../src/metrics/registry.ts';
import type { CgroupTotals, ReclaimCounts } from '../../../src/receivers/reclaim/counts.ts';
import { ReclaimSource } from '../../../src/receivers/reclaim/source.ts';
import { samplesIn } from '../../support/samples.ts';

const PATHS = ['/', '/app', '/idle'];

function totalsOf(cgroupId: bigint | null, sumNs: number, buckets: number[]): CgroupTotals {
  const operations = buckets.length === 0 ? {} : { reclaim: { sumNs, buckets } };
  return { key: `${cgroupId}`, cgroupId, bornNs: 0, operations };
}

function read(all: readonly CgroupTotals[], filter: ((cgroup: string) => boolean) | null = null): Sample[] {
  const ids = PATHS.values();
  const cgroups = new Cgroups(null, () => identify(ids.next().value ?? null));
  cgroups.learn([0n, 1n, 2n]);
  return samplesIn(new ReclaimSource({ each: () => all } as unknown as ReclaimCounts, cgroups, filter));
}

function shown({ metric: { name }, member: { attributes, totals } }: Sample): unknown {
  return [name, attributes, Array.from(totals)];
}

suite('reclaims as samples', () => {
  test('have the sum, the buckets and the owner', () => {
    assert.deepEqual(read([totalsOf(1n, 700, [1, 2, 0])]).map(shown), [
      ['floatie_memory_reclaim_latency_us', { cgroup: '/app' }, [700, 1, 2, 0]],
    ]);
  });

  test('are none of a cgroup that never reclaimed', () => {
    assert.deepEqual(read([totalsOf(null, 0, []), totalsOf(2n, 0, [])]), []);
  });

  test('of cgroups without an entry are in the overflow series', () => {
    assert.deepEqual(read([totalsOf(null, 5, [1])]).map(shown), [
      ['floatie_memory_reclaim_latency_us', { 'otel.metric.overflow': true }, [5, 1]],
    ]);
  });

  test('of an excluded cgroup are counted as excluded alone', () => {
    const samples = read([totalsOf(1n, 700, [1, 2, 0])], (cgroup) => cgroup !== '/app');
    assert.deepEqual(samples.map(shown), [['floatie_memory_reclaim_excluded_total', { op: 'reclaim' }, [3]]]);
  });
});
