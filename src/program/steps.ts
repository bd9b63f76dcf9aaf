/** Long work in steps, between which everything else has its turn. */
import { setImmediate } from 'node:timers/promises';
import { monotonicMs } from './clock.ts';

/** How long a step takes at least, in ms. */
const STEP_MS = 10;

/** @param work is paused where it gives something, whatever it is */
export async function inSteps(work: Iterable<unknown>): Promise<void> {
  let endMs = monotonicMs() + STEP_MS;
  for (const _ of work) {
    if (monotonicMs() < endMs) continue;
    await setImmediate();
    endMs = monotonicMs() + STEP_MS;
  }
}
