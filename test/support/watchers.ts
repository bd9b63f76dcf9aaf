/** Many who look at the page of one Floatie at once. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { connectionsTo, GET } from './connections.ts';
import { eventually } from './eventually.ts';
import type { Floatie } from './floatie.ts';

export interface Seen {
  /** How many different answers about containers all of them got. */
  readonly answers: number;
  /** How many answers did not come. */
  readonly failures: number;
}

export interface Watchers extends Seen, AsyncDisposable {}

/**
 * Each asks as the page does, in a thread of their own: what the test measures does not wait for them.
 *
 * @param slow how many of them take two seconds to read an answer
 */
export function startWatchers(url: string, count: number, slow = 0): Watchers {
  const worker = new Worker(new URL('many-watchers.ts', import.meta.url), { workerData: { url, count, slow } });
  let seen: Seen = { answers: 0, failures: 0 };
  worker.on('message', (message: Seen) => {
    seen = message;
  });
  return {
    get answers() {
      return seen.answers;
    },
    get failures() {
      return seen.failures;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(worker, 'exit');
      worker.postMessage('stop');
      await ended;
    },
  };
}

/** @returns how long it took, in ms, until one that never reads was disconnected; that client itself cannot see it */
export async function untilDropped(floatie: Floatie): Promise<number> {
  const dropped = async (): Promise<number> =>
    (await floatie.scrape()).sum('floatie_http_dropped_total', { reason: 'slow' });
  const before = await dropped();
  const began = performance.now();
  using connections = connectionsTo(floatie.url);
  // More answers than the kernel has room for.
  await connections.open(GET('/page.js').repeat(2000));
  await eventually('it is disconnected', async () => (await dropped()) > before, 90_000);
  return performance.now() - began;
}
