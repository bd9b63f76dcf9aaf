/** Single events as sentences: kills, and slow operations. */
import { age, bytes, micros, percent } from './format.ts';
import { type Html, html } from './html.ts';
import { fullNameOf } from './names.ts';
import { hashOf, type Route } from './route.ts';

/** A record as endpoints list it: flat; which fields it has depends on its kind. */
export type Event = Readonly<Record<string, unknown>>;

/** The last records by the path that lists them, oldest first. */
export type Events = ReadonlyMap<string, readonly Event[]>;

/** Paths of lists by what their records are. The others are lists of kills. */
const SLOW = '/slow';

/** Causes of a slow operation that are named. */
const MAX_PARTS = 3;

/** Newest first. Kills by the OOM killer have a list of their own, which says more. */
export function killsOf(events: Events, container: string | null = null): Event[] {
  const kills = [...events].filter(([path]) => path !== SLOW).flatMap(([, list]) => list);
  const isElsewhere = ({ killer }: Event): boolean => killer === 'kernel_oom' && events.has('/oom');
  return newest(
    kills.filter((event) => !isElsewhere(event)),
    container,
  );
}

export function slowOf(events: Events, container: string | null = null): Event[] {
  return newest(events.get(SLOW) ?? [], container);
}

function newest(events: readonly Event[], container: string | null): Event[] {
  return events
    .filter((event) => container === null || idOf(event) === container)
    .toSorted((a, b) => timeOf(b) - timeOf(a));
}

export function timeOf(event: Event): number {
  return Date.parse(text(event.time));
}

function idOf(event: Event): string {
  return text(event.container_id) || text(event.cgroup);
}

/** What happened, in one sentence. */
export function sentenceOf(event: Event): string {
  const { duration_us: duration, killer, explanation, anon_rss_bytes: own } = event;
  if (typeof duration === 'number') return slowness(event, duration);
  // A record of any SIGKILL is explained by a whole sentence.
  if (killer !== undefined) return text(explanation);
  const victim = text(event.victim_process) || text(event.victim_comm) || 'A process';
  const size = typeof own === 'number' ? ` (${bytes(own)} of its own memory)` : '';
  return `${victim}${size} was killed${text(explanation) === '' ? '' : `. ${text(explanation)}`}`;
}

/** Such as `read of /big.db by postgres took 840 ms: device 80 %, lock 20 %`. */
function slowness(event: Event, durationUs: number): string {
  const { op, path, process, comm, error } = event;
  const parts = Object.entries(event).flatMap(([name, us]) =>
    name.endsWith('_us') && name !== 'duration_us' && typeof us === 'number' ? [{ name: name.slice(0, -3), us }] : [],
  );
  const largest = parts.toSorted((a, b) => b.us - a.us).slice(0, MAX_PARTS);
  const causes = largest.map(({ name, us }) => `${name} ${percent(us / durationUs)}`).join(', ');
  const who = text(process) || text(comm);
  return [
    `${text(op)} of ${text(path) || 'a file'}`,
    ...(who === '' ? [] : [`by ${who}`]),
    `${text(error) === '' ? '' : `failed (${text(error)}) and `}took ${micros(durationUs)}${causes === '' ? '' : `: ${causes}`}`,
  ].join(' ');
}

export interface ListOptions {
  readonly title: string;
  readonly none: string;
  readonly nowMs: number;
  /** Given where each event shall name its container. */
  readonly route?: Route;
}

export function eventList(events: readonly Event[], { title, none, nowMs, route }: ListOptions): Html {
  const items = events.map((event) => {
    const name = fullNameOf(event);
    const where =
      route === undefined ? null : html`<a href="${hashOf({ ...route, container: idOf(event) })}">${name}</a> · `;
    return html`<li>${where}<time datetime="${text(event.time)}">${age(nowMs - timeOf(event))} ago</time> · ${sentenceOf(event)}</li>`;
  });
  const id = title.toLowerCase().replaceAll(/[^a-z]+/g, '-');
  return html`<section id="${id}"><h2>${title}</h2>${items.length === 0 ? html`<p class="faint">${none}</p>` : html`<ul class="plain">${items}</ul>`}</section>`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
