/** A line for each container. */
import { bytes, count, micros, percent } from '../../page/format.ts';
import { fullNameOf } from '../../page/names.ts';
import type { Row } from '../../page/rows.ts';
import { fit, type Span, type Style } from './text.ts';

interface Column {
  readonly title: string;
  readonly width: number;
  readonly textOf: (row: Row) => string;
  readonly styleOf?: (row: Row) => Style;
  readonly side?: 'left' | 'right';
}

const COLUMNS: readonly Column[] = [
  { title: 'WAITS', width: 7, textOf: ({ waitShare }) => percent(waitShare), styleOf: waiting },
  {
    title: 'FOR',
    width: 18,
    textOf: ({ waitsFor }) => (waitsFor === null ? '' : `${waitsFor.name} ${percent(waitsFor.share)}`),
    side: 'left',
  },
  { title: 'READ p99', width: 9, textOf: ({ reads }) => micros(reads?.p99_us) },
  { title: 'WRITE p99', width: 9, textOf: ({ writes }) => micros(writes?.p99_us) },
  { title: 'SYNC p99', width: 9, textOf: ({ syncs }) => micros(syncs?.p99_us) },
  { title: 'OPS/s', width: 8, textOf: ({ opsPerS }) => count(opsPerS) },
  { title: 'HEADROOM', width: 9, textOf: ({ container }) => bytes(container.memory.headroom_bytes) },
  { title: 'PRESS', width: 5, textOf: ({ container }) => count(container.memory.pressure_score) },
  {
    title: 'KILLS',
    width: 5,
    textOf: ({ container }) => count(container.oom_kills_5m),
    styleOf: ({ container }) => ((container.oom_kills_5m ?? 0) > 0 ? 'bad' : 'plain'),
  },
];

const MIN_NAME = 12;

/** On a narrow screen the last columns go first, but for the kills. */
function columnsFor(width: number): { readonly name: number; readonly shown: readonly Column[] } {
  const shown = [...COLUMNS];
  const taken = (): number => shown.reduce((sum, column) => sum + column.width + 1, 0);
  while (shown.length > 1 && width - taken() < MIN_NAME) shown.splice(Math.max(0, shown.length - 2), 1);
  return { name: Math.max(MIN_NAME, width - taken()), shown };
}

export function heading(width: number): Span[] {
  const { name, shown } = columnsFor(width);
  const titles = shown.map(({ title, width, side = 'right' }) => ` ${fit(title, width, side)}`);
  return [{ text: fit('CONTAINER', name) + titles.join(''), style: 'bold' }];
}

export function listLine(row: Row, width: number, isMarked: boolean): Span[] {
  const { name, shown } = columnsFor(width);
  const called = fullNameOf(row.container);
  const label = fit(row.container.is_gone ? `${called} (gone)` : called, name);
  const cells = shown.map(({ width, textOf, styleOf, side = 'right' }) => ({
    text: ` ${fit(textOf(row), width, side)}`,
    style: styleOf?.(row) ?? 'plain',
  }));
  if (!isMarked) return [label, ...cells];
  return [{ text: label + cells.map(({ text }) => text).join(''), style: 'reverse' }];
}

function waiting({ waitShare }: Row): Style {
  return waitShare >= 0.5 ? 'bad' : waitShare >= 0.1 ? 'warn' : 'plain';
}
