/** Lets jobs rest until the kernel writes into a ring buffer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type RingBuffer, RingWatch } from '../native/index.ts';
import type { Jobs } from '../program/jobs.ts';
import type { Logger } from '../program/log.ts';
import { reasonOf } from '../program/reason.ts';
import { EVENTS_MS } from '../receivers/receiver.ts';

export interface Wakes {
  /** @returns call it before the ring buffer's object is closed */
  add(ring: RingBuffer): () => void;
  /** From now on one thread of Node's pool waits, and keeps the process alive. */
  begin(): void;
  /** Safe to call twice. */
  stop(): void;
}

/** Jobs look for events as often as they ask for. */
export const NO_WAKES: Wakes = { add: () => () => undefined, begin: () => undefined, stop: () => undefined };

export function prepareWakes(jobs: Jobs, log: Logger): Wakes {
  const cannot = (thrown: unknown): void => {
    jobs.goOn();
    log.debug(`Events are looked for ten times a second: ${reasonOf(thrown)}`);
  };
  let watch: RingWatch;
  try {
    watch = new RingWatch();
  } catch (thrown) {
    cannot(thrown);
    return NO_WAKES;
  }
  return {
    add(ring) {
      watch.add(ring);
      return () => watch.remove(ring);
    },
    begin() {
      jobs.rest();
      follow(watch, jobs).catch(cannot);
    },
    stop: () => watch.close(),
  };
}

async function follow(watch: RingWatch, jobs: Jobs): Promise<void> {
  while (await watch.wait()) {
    jobs.hurry();
    // Jobs that have seen an event look for the next one by themselves.
    await sleep(EVENTS_MS, undefined, { ref: false });
  }
}
