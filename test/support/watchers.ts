/** Many who look at the page of one Floatie at once. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionsTo, GET } from './connections.ts';
import { eventually } from './eventually.ts';
import type { Floatie } from './floatie.ts';

const PERIOD_MS = 1000;
const PATHS = ['/api/v1/containers?steps=0', '/readyz', '/oom?limit=100', '/kills?limit=100', '/slow?limit=100'];

export interface Watchers extends AsyncDisposable {
  /** How many different answers about containers all of them got. */
  readonly answers: number;
  /** How many answers did not come. */
  readonly failures: number;
}

/** Each asks as the page does. @param slow how many of them take two seconds to read an answer */
export function startWatchers(url: string, count: number, slow = 0): Watchers {
  const tags = new Set<string>();
  const stop = new AbortController();
  let failures = 0;
  const ask = async (path: string, known: Map<string, string>): Promise<void> => {
    const tag = known.get(path);
    const headers = tag === undefined ? {} : { 'if-none-match': tag };
    const response = await fetch(new URL(path, url), { headers });
    await response.arrayBuffer();
    const next = response.headers.get('etag');
    if (next === null) return;
    known.set(path, next);
    if (path === PATHS[0]) tags.add(next);
  };
  const watch = async (at: number): Promise<void> => {
    const known = new Map<string, string>();
    while (!stop.signal.aborted) {
      if (at < slow) await readSlowly(url);
      else await Promise.all(PATHS.map((path) => ask(path, known))).catch(() => failures++);
      await sleep(PERIOD_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const all = Array.from({ length: count }, (_, at) => watch(at));
  return {
    get answers() {
      return tags.size;
    },
    get failures() {
      return failures;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(all);
    },
  };
}

async function readSlowly(url: string): Promise<void> {
  using connections = connectionsTo(url);
  const socket = await connections.open(GET(PATHS[0] ?? ''));
  await sleep(2 * PERIOD_MS);
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
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
