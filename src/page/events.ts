/** Single events as sentences: kills, and slow operations. */
import { age, bytes, micros } from './format.ts';
import { type Html, html } from './html.ts';
import { hashOf, type Route } from './route.ts';
import { nameOf } from './rows.ts';

/** A record as endpoints list it: flat; which fields it has depends on its kind. */
export type Event = Readonly<Record<string, unknown>>;

/** The last records by the path that lists them, oldest first. */
export type Events = ReadonlyMap<string, readonly Event[]>;

/** Paths of lists by what their records are. The others are lists of kills. */
const SLOW = '/slow';

/** Newest first. */
export function killsOf(events: Events, container: string | null = null): Event[] {
  return newest(
    [...events].filter(([path]) => path !== SLOW).flatMap(([, list]) => list),
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

/** What people call the container. */
export function ownerOf({ container_name: name, container_id: id, cgroup }: Event): string {
  return nameOf({
    ...(text(name) !== '' && { container_name: text(name) }),
    ...(text(id) !== '' && { container_id: text(id) }),
    cgroup: text(cgroup),
  });
}

/** What happened, in one sentence. */
export function sentenceOf(event: Event): string {
  const { explanation, victim_process, victim_comm, op, path, duration_us, process, comm } = event;
  if (duration_us !== undefined) {
    const who = text(process) || text(comm);
    return `${text(op)} of ${text(path) || 'a file'} took ${micros(Number(duration_us))}${who === '' ? '' : `, in ${who}`}`;
  }
  const victim = text(victim_process) || text(victim_comm) || text(process) || text(comm) || 'A process';
  const size = typeof event.anon_rss_bytes === 'number' ? ` (${bytes(event.anon_rss_bytes)} of its own memory)` : '';
  return `${victim}${size} was killed${text(explanation) === '' ? '' : `. ${text(explanation)}`}`;
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
    const name = ownerOf(event);
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
