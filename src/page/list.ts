/** The table of containers. */

import type { OperationWindow } from '../history/schema.ts';
import { bytes, count, micros, percent, UNKNOWN } from './format.ts';
import { type Html, html, type Part } from './html.ts';
import { hashOf, type Route } from './route.ts';
import { type Row, type Sort, select } from './rows.ts';

/** How many containers a page shows; a filter finds the others. */
const MAX_ROWS = 200;

interface Column {
  readonly title: string;
  readonly sort: Sort;
  /** Left out on a narrow screen. */
  readonly isWide?: boolean;
  readonly cell: (row: Row) => Part;
}

const COLUMNS: readonly Column[] = [
  { title: 'Waits', sort: 'waits', cell: waits },
  { title: 'Reads, p50 / p99', sort: 'reads', isWide: true, cell: ({ reads }) => quantiles(reads) },
  { title: 'Writes, p50 / p99', sort: 'writes', isWide: true, cell: ({ writes }) => quantiles(writes) },
  { title: 'Syncs, p50 / p99', sort: 'syncs', isWide: true, cell: ({ syncs }) => quantiles(syncs) },
  { title: 'Ops/s', sort: 'ops', cell: ({ opsPerS }) => count(opsPerS) },
  { title: 'Headroom', sort: 'headroom', isWide: true, cell: headroom },
  {
    title: 'Pressure',
    sort: 'score',
    isWide: true,
    cell: ({ container }) => pressure(container.memory.pressure_score),
  },
  { title: 'Kills', sort: 'kills', cell: ({ container }) => kills(container.oom_kills_5m) },
];

/** @param isLive whether a script will show another order, or a container, when its link is followed */
export function list(all: readonly Row[], route: Route, isLive: boolean): Html {
  const { sort, filter } = route;
  const rows = select(all, sort, filter);
  const shown = rows.slice(0, MAX_ROWS);
  const heading = (title: Part, by: Sort, className: string): Html =>
    html`<th scope="col" class="${className}"${sort === by ? html` aria-sort="descending"` : null}>${isLive ? html`<a href="${hashOf({ ...route, sort: sort === by ? 'worst' : by })}">${title}</a>` : title}</th>`;
  const head = COLUMNS.map(({ title, sort: by, isWide }) => heading(title, by, isWide ? 'number wide' : 'number'));
  const body = shown.map(
    (row) =>
      html`<tr id="row-${encodeURIComponent(row.id)}"><th scope="row">${isLive ? html`<a href="${hashOf({ ...route, container: row.id })}">${row.name}</a>` : row.name}${row.container.is_gone ? html` <span class="faint">(gone)</span>` : null}<small>${row.about}</small></th>${COLUMNS.map(({ cell, isWide }) => html`<td class="${isWide ? 'number wide' : 'number'}">${cell(row)}</td>`)}</tr>`,
  );
  const more = rows.length - shown.length;
  return html`<h2 id="containers">Containers, ${sort === 'worst' ? 'worst first' : `by ${sort}`}</h2>
<div class="scroll" role="region" aria-labelledby="containers" tabindex="0"><table id="list"><thead><tr>${heading('Container', 'name', '')}${head}</tr></thead>
<tbody>${body}</tbody></table></div>
${shown.length === 0 ? html`<p>${all.length === 0 ? 'No container has used overlayfs yet, and none has a limit of memory.' : 'No container has such a name.'}</p>` : null}
${more > 0 ? html`<p>${more} more: filter by name to see them.</p>` : null}`;
}

function waits({ waitShare, waitsFor }: Row): Part {
  if (waitsFor === null) return html`<span class="faint">0 %</span>`;
  const className = waitShare >= 0.5 ? 'bad' : waitShare >= 0.1 ? 'warn' : '';
  return html`<span class="${className}">${percent(waitShare)}</span><small>${waitsFor.name} ${percent(waitsFor.share)}</small>`;
}

function quantiles(window: OperationWindow | undefined): string {
  return window?.p99_us === undefined ? UNKNOWN : `${micros(window.p50_us)} / ${micros(window.p99_us)}`;
}

function headroom({ container: { memory } }: Row): Part {
  const { headroom_bytes: free, limit_bytes: limit } = memory;
  if (free === undefined) return html`<span class="faint">no limit</span>`;
  const isShort = limit !== undefined && free < limit / 10;
  return html`<span class="${isShort ? 'bad' : ''}">${bytes(free)}</span>${limit === undefined ? null : html`<small>of ${bytes(limit)}</small>`}`;
}

function pressure(score: number | undefined): Part {
  return score === undefined
    ? UNKNOWN
    : html`<span class="${score >= 40 ? 'bad' : score >= 10 ? 'warn' : ''}">${count(score)}</span>`;
}

function kills(number: number | undefined): Part {
  return number === undefined ? UNKNOWN : html`<span class="${number > 0 ? 'bad' : 'faint'}">${number}</span>`;
}
