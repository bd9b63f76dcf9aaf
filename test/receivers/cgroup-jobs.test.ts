import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { runCgroupJobs } from '../../src/receivers/cgroup-jobs.ts';
import type { CgroupSource } from '../../src/receivers/cgroup-source.ts';

/** Longer than a step. */
const LONG_MS = 50;

test('everything else has its turn while a thousand new cgroups are named', async () => {
  let named = 0;
  const source = {
    *learning(): Generator<void> {
      for (; named < 3; named++) {
        const start = performance.now();
        while (performance.now() < start + LONG_MS);
        yield;
      }
    },
  } as unknown as CgroupSource<string, string>;
  const jobs = new Map<string, () => void | Promise<void>>();
  const context = {
    every: (_ms: number, job: string, work: () => void | Promise<void>) => {
      jobs.set(job, work);
      return () => undefined;
    },
    wakeBy: () => undefined,
    hurry: () => undefined,
    cgroups: { isSearching: false },
  } as unknown as Parameters<typeof runCgroupJobs>[0];
  const counts = { newCgroups: { skip: () => undefined }, changes: () => 1 } as unknown as Parameters<
    typeof runCgroupJobs
  >[1];
  runCgroupJobs(context, counts, source, { learn: 'learn', reclaim: 'reclaim', retire: 'retire' }, 1000);
  const turn = setImmediate();
  const learned = jobs.get('learn')?.();
  await turn;
  assert.equal(named, 0);
  await learned;
  assert.equal(named, 3);
});
