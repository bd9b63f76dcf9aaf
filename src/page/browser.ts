/** Keeps the page up to date in a browser: asks for what has changed each second, while somebody looks. */
import { Idiomorph } from 'idiomorph';
import type { Containers } from '../history/schema.ts';
import type { Readiness } from '../program/health.ts';
import type { Event } from './events.ts';
import { hashOf, routeIn } from './route.ts';
import { view } from './view.ts';

const PERIOD_MS = 1000;
/** Floatie's own health changes seldom. */
const HEALTH_PERIOD_MS = 5000;
/** An answer that takes longer counts as lost. */
const TIMEOUT_MS = 10_000;
const MAX_EVENTS = 100;
const [CONTAINERS, READINESS] = ['/api/v1/containers', '/readyz'];

const main = byId('main');
const controls = byId('controls');
const state = byId('state');
const filter = byId('filter') as HTMLInputElement;
const sources = (main.dataset.sources ?? '').split(' ');
const lists = sources.filter((path) => path !== CONTAINERS && path !== READINESS);

interface Known {
  /** As of {@link Route}: the container that the answer is about; null: all of them. */
  readonly container: string | null;
  readonly answer: Containers | null;
  readonly readiness: Readiness;
  readonly events: ReadonlyMap<string, readonly Event[]>;
}

let known: Known | null = null;
let health: { readonly readiness: Readiness; readonly askedMs: number } | null = null;

/** A list needs what is now; one container, its last five minutes. */
async function fetchAll(): Promise<Known> {
  const { container } = routeIn(location.hash);
  const query = container === null ? 'steps=0' : new URLSearchParams({ container });
  const [answer, readiness, ...records] = await Promise.all([
    sources.includes(CONTAINERS) ? ask<Containers>(`${CONTAINERS}?${query}`) : null,
    askHealth(),
    ...lists.map((path) => ask<{ readonly records: readonly Event[] }>(`${path}?limit=${MAX_EVENTS}`)),
  ]);
  return { container, answer, readiness, events: new Map(lists.map((path, at) => [path, records[at]?.records ?? []])) };
}

async function askHealth(): Promise<Readiness> {
  const askedMs = performance.now();
  if (health === null || askedMs - health.askedMs >= HEALTH_PERIOD_MS)
    health = { readiness: await ask<Readiness>(READINESS), askedMs };
  return health.readiness;
}

/** The browser asks with the ETag of what it has; what has not changed is not sent again. */
async function ask<Answer>(path: string): Promise<Answer> {
  const response = await fetch(path, { cache: 'no-cache', signal: AbortSignal.timeout(TIMEOUT_MS) });
  // Readiness has a body also where it is not ready.
  if (!response.ok && path !== READINESS) throw new Error(`${path} answers with ${response.status}`);
  return (await response.json()) as Answer;
}

function show(): void {
  const route = routeIn(location.hash);
  // Another view is shown when its numbers are there.
  if (known === null || known.container !== route.container) return;
  controls.hidden = known.answer === null || route.container !== null;
  if (globalThis.document.activeElement !== filter) filter.value = route.filter;
  const { text } = view({ ...known, route, nowMs: Date.now(), isLive: true });
  Idiomorph.morph(main, text, {
    morphStyle: 'innerHTML',
    // What the reader has opened stays open.
    callbacks: { beforeAttributeUpdated: (name) => name !== 'open' },
  });
}

let timer: ReturnType<typeof setTimeout> | undefined;

async function work(): Promise<void> {
  clearTimeout(timer);
  if (!globalThis.document.hidden) {
    try {
      known = await fetchAll();
      state.textContent = '';
      show();
    } catch {
      // Old numbers must not look like new ones.
      state.textContent = 'Floatie does not answer; these are the last numbers that it gave.';
    }
  }
  clearTimeout(timer);
  timer = setTimeout(work, PERIOD_MS);
}

function byId(id: string): HTMLElement {
  const found = globalThis.document.getElementById(id);
  if (found === null) throw new Error(`The page lacks #${id}`);
  return found;
}

addEventListener('hashchange', () => {
  show();
  scrollTo(0, 0);
  if (known?.container !== routeIn(location.hash).container) void work();
});
addEventListener('visibilitychange', () => void work());
filter.addEventListener('input', () => {
  history.replaceState(null, '', hashOf({ ...routeIn(location.hash), filter: filter.value }));
  show();
});
controls.addEventListener('submit', (event) => event.preventDefault());
void work();
