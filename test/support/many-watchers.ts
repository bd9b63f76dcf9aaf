/** The thread of those who look at the page. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { connectionsTo, GET } from './connections.ts';
import type { Seen } from './watchers.ts';

/** As in the page. */
const PERIOD_MS = 1000;
const HEALTH_PERIODS = 5;
const [CONTAINERS, HEALTH] = ['/api/v1/containers?steps=0', '/readyz'];
const LISTS = ['/oom?limit=100', '/kills?limit=100', '/slow?limit=100'];

const { url, count, slow } = workerData as { url: string; count: number; slow: number };
const tags = new Set<string>();
const stop = new AbortController();
let failures = 0;

async function ask(path: string, known: Map<string, string>): Promise<void> {
  const tag = known.get(path);
  const headers = tag === undefined ? {} : { 'if-none-match': tag };
  const response = await fetch(new URL(path, url), { headers });
  await response.arrayBuffer();
  const next = response.headers.get('etag');
  if (next === null) return;
  known.set(path, next);
  if (path === CONTAINERS) tags.add(next);
}

async function watch(at: number): Promise<void> {
  const known = new Map<string, string>();
  for (let period = 0; !stop.signal.aborted; period++) {
    const paths = [CONTAINERS, ...LISTS, ...(period % HEALTH_PERIODS === 0 ? [HEALTH] : [])];
    if (at < slow) await readSlowly();
    else await Promise.all(paths.map((path) => ask(path, known))).catch(() => failures++);
    parentPort?.postMessage({ answers: tags.size, failures } satisfies Seen);
    await sleep(PERIOD_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

async function readSlowly(): Promise<void> {
  using connections = connectionsTo(url);
  const socket = await connections.open(GET(CONTAINERS));
  await sleep(2 * PERIOD_MS);
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
}

parentPort?.once('message', () => stop.abort());
await Promise.all(Array.from({ length: count }, (_, at) => watch(at)));
