/** Fifty who look at the page for ten minutes. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCgroup } from '../support/cgroup.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { COLLECTS_GARBAGE, leastBytes } from '../support/resident.ts';
import { startWatchers, untilDropped } from '../support/watchers.ts';

const CONTAINERS = 50;
const [CLIENTS, SLOW] = [50, 5];
const MINUTES = Number(process.env.SOAK_MINUTES ?? 10);
const SCRAPES = 200;
/** How much more memory may be in use at the end, in bytes. */
const NOISE = 4 << 20;

async function p99Ms(floatie: Floatie): Promise<number> {
  const times: number[] = [];
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const began = performance.now();
    await (await fetch(floatie.url)).arrayBuffer();
    times.push(performance.now() - began);
    await sleep(50);
  }
  return times.sort((a, b) => a - b)[Math.ceil(0.99 * SCRAPES) - 1] ?? 0;
}

test('fifty who look at the page cost one reading a second in all, and no memory that grows', {
  skip: missing('root', 'btf'),
}, async (context) => {
  using overlay = mountOverlay();
  await using floatie = await startFloatie([], { env: COLLECTS_GARBAGE });
  await using stack = new AsyncDisposableStack();
  for (let at = 0; at < CONTAINERS; at++) {
    const cgroup = stack.use(createCgroup('', `libpod-${randomBytes(32).toString('hex')}`));
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, String(at))}`, 'bs=4k', 'count=100');
  }
  await p99Ms(floatie); // until V8 has compiled what a scrape calls
  const before = await p99Ms(floatie);
  const began = performance.now();
  await using watchers = startWatchers(floatie.url, CLIENTS, SLOW);
  context.diagnostic(`one that never reads is disconnected after ${Math.round(await untilDropped(floatie))} ms`);
  const beside = await p99Ms(floatie);
  context.diagnostic(`p99 of a scrape: ${before.toFixed(1)} ms before, ${beside.toFixed(1)} ms beside them`);
  const early = await leastBytes(floatie);
  await sleep(Math.max(0, MINUTES * 60_000 - (performance.now() - began)));
  const late = await leastBytes(floatie);
  const elapsedS = (performance.now() - began) / 1000;
  context.diagnostic(
    `${watchers.answers} answers in ${Math.round(elapsedS)} s; ${early >> 10} kB, then ${late >> 10} kB`,
  );
  // The job of each second comes up to 50 ms early, with others.
  assert.ok(watchers.answers <= elapsedS / 0.95 + 2, `${watchers.answers} answers in ${elapsedS} s`);
  assert.equal(watchers.failures, 0);
  assert.ok(late - early < NOISE, `${late - early} bytes more`);
});
