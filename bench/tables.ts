/** Results as tables: what was measured in rows, of whom in columns. */
import type { Figure, PartReport } from './results.ts';
import type { Spread } from './statistics.ts';

/** The heading, then the rows. */
export type Table = readonly (readonly string[])[];

export function tableOf({ figures }: Pick<PartReport, 'figures'>): Table {
  const columns = [...new Set(figures.map(({ of }) => of))];
  const rows = Map.groupBy(figures, ({ what }) => what);
  return [
    ['', ...columns],
    ...Array.from(rows, ([what, row]) => {
      const cells = columns.map((column) => row.find(({ of }) => of === column));
      return [`${what}, ${row[0]?.unit}`, ...cells.map((figure) => (figure === undefined ? '' : cellOf(figure)))];
    }),
  ];
}

/** `12.3 (11.9–14.0), 0.44 of bpftrace (aim: 0.33)` */
function cellOf(figure: Figure): string {
  const { ratios, aim } = figure;
  const shares = Object.entries(ratios).map(([than, { median }]) => `${number(median)} of ${than}`);
  if (aim === undefined) return [formatSpread(figure), ...shares].join(', ');
  const reached = aim.of === undefined ? figure.median : ratios[aim.of]?.median;
  const share = aim.of === undefined ? '' : ` of ${aim.of}`;
  const verdict = (reached ?? Number.NaN) <= aim.atMost ? 'reached' : 'missed';
  return [formatSpread(figure), ...shares, `aim of ${number(aim.atMost)}${share} ${verdict}`].join(', ');
}

/** `12.3 (11.9–14.0)`; one number where all rounds had the same. */
function formatSpread({ median, min, max }: Spread): string {
  return number(min) === number(max) ? number(median) : `${number(median)} (${number(min)}–${number(max)})`;
}

/** Three digits that count. */
export function number(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const rounded = value.toFixed(Math.min(digits, 3));
  return Number(rounded).toLocaleString('en', { maximumFractionDigits: 3 });
}

export function asText({ title, figures, notes }: PartReport): string {
  const lines = tableOf({ figures });
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const text = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  const told = [...(figures.length > 0 ? text : []), ...notes];
  return `\n${title}\n${told.map((line) => `  ${line.trimEnd()}\n`).join('')}`;
}

export function asMarkdown({ title, figures, notes }: PartReport): string {
  const [heading = [], ...rows] = tableOf({ figures });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const table = figures.length > 0 ? `\n${[heading, heading.map(() => '---'), ...rows].map(line).join('')}` : '';
  return `### ${title}\n${table}${notes.map((note) => `\n${note}\n`).join('')}`;
}
