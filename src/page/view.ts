/** All that the page shows of one moment, but for its frame. */
import type { Containers } from '../history/schema.ts';
import type { Readiness } from '../program/health.ts';
import { detail } from './detail.ts';
import { type Events, eventList, killsOf, slowOf } from './events.ts';
import { healthOf } from './health.ts';
import { type Html, html } from './html.ts';
import { list } from './list.ts';
import { hashOf, type Route } from './route.ts';
import { rowsOf, UNTIL_FIRST_NUMBERS } from './rows.ts';

export interface View {
  /** null: nothing is kept of containers. */
  readonly answer: Containers | null;
  readonly events: Events;
  readonly readiness: Readiness;
  readonly route: Route;
  readonly nowMs: number;
  /** Whether a script follows links to other views. */
  readonly isLive: boolean;
}

const MAX_EVENTS = 20;

export function view({ answer, events, readiness, route, nowMs, isLive }: View): Html {
  const rows = answer === null ? [] : rowsOf(answer);
  if (answer === null || route.container === null) {
    const options = { title: 'Kills', none: 'Nothing was killed since the start.', nowMs };
    const kills = killsOf(events).slice(0, MAX_EVENTS);
    const containers =
      answer === null ? null : answer.last_1m_s === 0 ? html`<p>${UNTIL_FIRST_NUMBERS}</p>` : list(rows, route, isLive);
    return html`${containers}${eventList(kills, isLive ? { ...options, route } : options)}${healthOf(readiness)}`;
  }
  const row = rows.find(({ id }) => id === route.container);
  if (row === undefined) {
    return html`<p><a href="${hashOf({ ...route, container: null })}">Back to all containers</a></p><p>This container has been gone for more than five minutes, or has done nothing in them.</p>${eventList(killsOf(events, route.container), { title: 'Kills', none: 'Nothing of it was killed.', nowMs })}`;
  }
  const kills = killsOf(events, row.id).slice(0, MAX_EVENTS);
  const slow = slowOf(events, row.id).slice(0, MAX_EVENTS);
  return detail({ answer, row, kills, slow, route, nowMs });
}
