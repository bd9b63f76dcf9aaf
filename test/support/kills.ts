/** SIGKILL at any moment must leave nothing in the kernel, nor slow down the next start. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.ts';
import { MAIN } from './floatie.ts';
import { inKernel } from './kernel-objects.ts';
import { missing } from './requirements.ts';

/** Holds on an idle machine, which test machines often are not. Each object with programs takes 0.1 s and more of it. */
const MAX_START_MS = 3000;

export function testKills(count: number): void {
  test(`${count} SIGKILLs while it starts, runs or stops leave nothing, and the next start is quick`, {
    skip: missing('root', 'btf'),
  }, async (context) => {
    const before = new Set(inKernel());
    const starts: number[] = [];
    for (let at = 0; at < count; at++) {
      const began = performance.now();
      const child = spawn(process.execPath, [MAIN, '--set', 'exporters.prometheus.port=0'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const exited = once(child, 'exit');
      try {
        await moment(at, child, starts, began);
      } finally {
        child.kill('SIGKILL');
        await exited;
      }
      // The kernel frees objects a moment after their last owner has ended.
      await eventually(`nothing is left of run ${at}`, () => inKernel().every((object) => before.has(object)));
    }
    const median = starts.sort((a, b) => a - b)[starts.length >> 1] ?? 0;
    const slack = Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
    context.diagnostic(
      `${starts.length} starts, median ${median.toFixed(0)} ms, where others use ${slack.toFixed(1)} times the CPUs`,
    );
    assert.ok(median <= MAX_START_MS * slack, `${median} ms`);
  });
}

/** Waits for the moment of the kill: during start, run, or stop. */
async function moment(at: number, child: ChildProcess, starts: number[], began: number): Promise<void> {
  const usual = starts.at(-1) ?? 1000;
  if (at % 3 === 1) {
    await sleep(Math.random() * usual);
    return;
  }
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  await eventually('it measures', () => said.includes('Floatie is measuring'), 60_000);
  starts.push(performance.now() - began);
  if (at % 3 === 2) child.kill('SIGTERM');
  await sleep(Math.random() * 100);
}
