/** The screen of `floatie top`, as lines. */
import { killsOf, sentenceOf, slowOf } from '../../page/events.ts';
import { fullNameOf } from '../../page/names.ts';
import { type Row, rowsOf, select, UNTIL_FIRST_NUMBERS } from '../../page/rows.ts';
import type { Data } from './client.ts';
import { containerLines } from './container.ts';
import { eventLines } from './events.ts';
import { heading, listLine } from './list.ts';
import { type Model, markedIn } from './model.ts';
import { line, type Span } from './text.ts';

export interface Size {
  readonly columns: number;
  /** null: as many as there are. */
  readonly rows: number | null;
  readonly hasColors: boolean;
}

/** The title and the line with keys. */
const FRAME_LINES = 3;

const KEYS = 'q quit  / filter  s sort  Enter detail  Esc back  1 containers  2 kills  3 slow';

/** The containers that a model lists, in their order. */
export function listed({ answer }: Data, { sort, filter }: Model): Row[] {
  return answer === null ? [] : select(rowsOf(answer), sort, filter);
}

/** @param problem why the data is old; null: it is not */
export function screen(data: Data, model: Model, size: Size, nowMs: number, problem: string | null = null): string[] {
  const { columns, rows, hasColors } = size;
  const shown = listed(data, model);
  const room = rows === null ? Number.POSITIVE_INFINITY : Math.max(1, rows - FRAME_LINES - 1);
  const lines = [title(data, model, shown.length, problem), [], ...body(data, model, shown, nowMs, columns, room)];
  const texts = lines.map((spans) => line(spans, columns, hasColors).trimEnd());
  if (rows === null) return texts;
  const last = model.isTyping ? `Filter: ${model.filter}_` : KEYS;
  const padded = [...texts, ...Array<string>(Math.max(0, rows - 1 - texts.length)).fill('')];
  return [...padded.slice(0, rows - 1), line([{ text: last, style: 'faint' }], columns, hasColors)];
}

function title(
  { answer, readiness }: Data,
  { view, container, sort, filter }: Model,
  count: number,
  problem: string | null,
): Span[] {
  const missing = readiness.probes.filter(({ attached }) => !attached).map(({ probe }) => probe);
  const kills = answer?.containers.reduce((sum, { oom_kills_5m = 0 }) => sum + oom_kills_5m, 0) ?? 0;
  const sorted = sort === 'worst' ? 'worst first' : `by ${sort}`;
  return [
    { text: 'Floatie', style: 'bold' },
    `  ${count} ${count === 1 ? 'container' : 'containers'}${filter === '' ? '' : ` with "${filter}"`}, ${sorted}  `,
    { text: `kills in 5 min: ${kills}`, style: kills > 0 ? 'bad' : 'plain' },
    ...(view === 'containers' && container === null ? [{ text: '  numbers of 10 s', style: 'faint' } as const] : []),
    ...(missing.length === 0 ? [] : [{ text: `  not attached: ${missing.join(', ')}`, style: 'warn' } as const]),
    ...(problem === null ? [] : [{ text: `  ${problem}`, style: 'bad' } as const]),
  ];
}

function body(
  { answer, events }: Data,
  model: Model,
  shown: readonly Row[],
  nowMs: number,
  columns: number,
  room: number,
): Span[][] {
  const scrolled = (lines: Span[][]): Span[][] => {
    const above = Math.min(model.above, Math.max(0, lines.length - room));
    return lines.slice(above, above + room);
  };
  if (model.view !== 'containers') {
    const list = model.view === 'killed' ? killsOf(events) : slowOf(events);
    const wanted = model.filter.toLowerCase();
    const chosen = list.filter((event) => `${fullNameOf(event)} ${sentenceOf(event)}`.toLowerCase().includes(wanted));
    return scrolled(eventLines(chosen, nowMs, columns));
  }
  if (answer === null) return [['This Floatie keeps no history of containers: it may be an older one.']];
  if (answer.last_1m_s === 0) return [[UNTIL_FIRST_NUMBERS]];
  if (model.container !== null) {
    const row = rowsOf(answer).find(({ id }) => id === model.container);
    if (row === undefined) return [['It has been gone for more than five minutes. Esc goes back.']];
    return scrolled(containerLines(row, killsOf(events, row.id), slowOf(events, row.id), nowMs, columns));
  }
  const ids = shown.map(({ id }) => id);
  const at = Math.max(0, ids.indexOf(markedIn(model, ids) ?? ''));
  // The marked line stays on the screen.
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), shown.length - room));
  const isMarked = Number.isFinite(room);
  return [
    heading(columns),
    ...shown.slice(first, first + room).map((row, place) => listLine(row, columns, isMarked && first + place === at)),
  ];
}
