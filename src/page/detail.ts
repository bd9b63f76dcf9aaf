/** One container: where its time went, how slow it was, its memory, its slow operations and its kills. */
import type { Container, ContainerOperation, Containers } from '../history/schema.ts';
import { heatmap, lines, type Series, type Steps, stack } from './chart.ts';
import { type Event, eventList, sentenceOf, timeOf } from './events.ts';
import { bytes, count, micros, percent, seconds, UNKNOWN } from './format.ts';
import { type Html, html } from './html.ts';
import { hashOf, type Route } from './route.ts';
import type { Row } from './rows.ts';

const COLORS = ['device', 'dirty_throttle', 'cpu', 'remote', 'runqueue', 'commit', 'memory', 'lock'];
/** Charts of operations show those with the longest waits, as many as can be told apart. */
const MAX_LINES = 3;
const MAX_STACK = COLORS.length;
const MAX_HEATMAPS = 2;

export interface Detail {
  readonly answer: Containers;
  readonly row: Row;
  readonly kills: readonly Event[];
  readonly slow: readonly Event[];
  readonly route: Route;
  readonly nowMs: number;
}

export function detail({ answer, row, kills, slow, route, nowMs }: Detail): Html {
  const { container } = row;
  const times = stepsOf(answer, nowMs);
  return html`<p><a href="${hashOf({ ...route, container: null })}">Back to all containers</a></p>
<h2 id="name">${row.name}${container.is_gone ? ' (gone)' : ''}</h2>
<p class="faint">${[row.about, container.cgroup].filter((part) => part !== '').join(' · ')}</p>
<div class="charts">${where(container, times)}${latency(container, times)}${heatmaps(container, times)}${memory(container, times, kills, nowMs)}</div>
${operations(container)}
${eventList(slow, { title: 'Slow operations', none: 'None was slow.', nowMs })}
${eventList(kills, { title: 'Kills', none: 'Nothing of it was killed.', nowMs })}`;
}

/** The last step ends at the answer's time, and may be shorter than the others. */
function stepsOf({ time, step_s, steps, last_step_s }: Containers, nowMs: number): Steps {
  const lastMs = Math.max(0, nowMs - Date.parse(time));
  const ageMsOf = (at: number): number =>
    at === steps - 1 ? lastMs : lastMs + 1000 * (last_step_s + (steps - 2 - at) * step_s);
  return { agesMs: Array.from({ length: steps }, (_, at) => ageMsOf(at)), beginMs: ageMsOf(-1) };
}

function where({ waits, operations }: Container, times: Steps): Html {
  const done = operations.filter(({ is_part }) => !is_part);
  const series: Series[] =
    waits?.map(({ cause, series_s }) => ({ name: cause, color: cause, values: series_s })) ??
    done
      .slice(0, MAX_STACK)
      .map(({ op, series }, at) => ({ name: op, color: COLORS[at] ?? 'other', values: series.sum_s }));
  const title = waits === undefined ? 'Time waited, by operation' : 'Where the time went';
  const totals = series.map(({ name, values }) => ({ name, s: sumOf(values) }));
  const told = totals.filter(({ s }) => s > 0).map(({ name, s }) => `${name} ${seconds(s)}`);
  return stack({ title, series, ...times, format: seconds, summary: told.join(', ') || 'it did not wait' });
}

function latency({ operations }: Container, times: Steps): Html {
  const shown = operations.filter(({ is_part }) => !is_part).slice(0, MAX_LINES);
  const series = shown.map(({ op, series }, at) => ({
    name: `${op}, p99`,
    color: ['one', 'two', 'three'][at] ?? '',
    values: series.p99_us,
  }));
  const last = shown.map(({ op, last_1m }) => `${op} ${micros(last_1m.p99_us)} in the last minute`);
  return lines({ title: 'Latency', series, ...times, format: micros, summary: last.join(', ') || 'no operation' });
}

/** Of the operations with the longest waits. */
function heatmaps({ operations }: Container, times: Steps): Html[] {
  const shown = operations.filter(({ is_part }) => !is_part).slice(0, MAX_HEATMAPS);
  return shown.map(({ op, last_1m, series: { buckets = [] } }) => {
    const all = buckets.reduce((sum, { counts }) => sum + sumOf(counts), 0);
    const rows = buckets.map(({ le_us, counts }) => ({
      name: le_us === undefined ? 'slower' : `to ${micros(le_us)}`,
      color: 'device',
      values: counts,
    }));
    const quantiles = `half took ${micros(last_1m.p50_us)} at most in the last minute, 99 % ${micros(last_1m.p99_us)}`;
    const summary = `${count(all)} in five minutes; ${quantiles}`;
    return heatmap({ title: `How long each ${op} took`, series: rows, ...times, format: count, summary });
  });
}

function sumOf(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function memory(container: Container, times: Steps, kills: readonly Event[], nowMs: number): Html {
  const { usage_bytes: usage, limit_bytes: limit, series } = container.memory;
  const use: Series = { name: 'usage', color: 'device', values: series.usage_bytes };
  return stack({
    title: 'Memory',
    series: [use],
    ...times,
    format: bytes,
    unit: 1024 ** Math.floor(Math.log2(Math.max(1, usage ?? 0, limit ?? 0)) / 10),
    limit: limit === undefined ? null : { name: `limit, ${bytes(limit)}`, value: limit },
    marks: kills.map((kill) => ({ ageMs: nowMs - timeOf(kill), text: sentenceOf(kill) })),
    summary: `${bytes(usage)} of ${limit === undefined ? 'no limit of its own' : bytes(limit)}; kills: ${kills.length}`,
  });
}

function operations({ operations }: Container): Html {
  const rows = operations.map(
    (operation) =>
      html`<tr><th scope="row">${operation.op}${operation.is_part ? html`<small>within others</small>` : null}</th><td class="number">${count(operation.last_1m.per_s)}</td><td class="number">${micros(operation.last_1m.p50_us)}</td><td class="number">${micros(operation.last_1m.p99_us)}</td><td class="number">${seconds(operation.last_1m.sum_s)}</td><td class="number wide">${bytes(operation.last_1m.bytes)}</td><td class="number wide">${operation.last_1m.errors}</td><td class="wide">${causes(operation)}</td></tr>`,
  );
  return html`<section id="operations"><h2>Operations of the last minute</h2><div class="scroll" role="region" aria-label="Operations" tabindex="0"><table><thead><tr><th scope="col">Operation</th><th scope="col" class="number">per s</th><th scope="col" class="number">p50</th><th scope="col" class="number">p99</th><th scope="col" class="number">Waited</th><th scope="col" class="number wide">Moved</th><th scope="col" class="number wide">Errors</th><th scope="col" class="wide">For</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function causes({ waits, last_1m }: ContainerOperation): string {
  if (waits === undefined) return UNKNOWN;
  const parts = waits.filter(({ last_1m_s }) => last_1m_s > 0).slice(0, 3);
  return parts.map(({ cause, last_1m_s }) => `${cause} ${percent(last_1m_s / last_1m.sum_s)}`).join(', ');
}
