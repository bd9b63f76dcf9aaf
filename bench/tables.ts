/** Results as tables: what was measured in rows, of whom in columns. */
import type { Figure, PartReport } from './results.ts';
import type { Spread } from './statistics.ts';

/** The heading, then the rows. */
type Table = readonly (readonly string[])[];

/** @param separator between what a cell says */
function tableOf(figures: readonly Figure[], separator: string): Table {
  const columns = [...new Set(figures.map(({ of }) => of))];
  const rows = Map.groupBy(figures, ({ what }) => what);
  return [
    ['', ...columns],
    ...Array.from(rows, ([what, row]) => {
      const cells = columns.map((column) => row.find(({ of }) => of === column));
      return [
        `${what}, ${row[0]?.unit}`,
        ...cells.map((figure) => (figure === undefined ? '' : cellOf(figure).join(separator))),
      ];
    }),
  ];
}

/** Such as `12.3 (11.9–14.0)`, `0.44 of bpftrace`, `aim of 0.33 of bpftrace missed`. */
function cellOf(figure: Figure): string[] {
  const shares = Object.entries(figure.ratios).map(([than, { median }]) => `${number(median)} of ${than}`);
  return [formatSpread(figure), ...shares, ...verdictOn(figure)];
}

/** Nothing where the peer of the aim was not measured. */
function verdictOn({ median, ratios, aim }: Figure): string[] {
  if (aim === undefined) return [];
  const { atMost, of } = aim;
  const value = of === undefined ? median : ratios[of]?.median;
  if (value === undefined) return [];
  return [`aim of ${number(atMost)}${of === undefined ? '' : ` of ${of}`} ${value <= atMost ? 'reached' : 'missed'}`];
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

export function asText({ title, seconds, figures, notes }: PartReport): string {
  const lines = tableOf(figures, ', ');
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const text = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  const told = [...(figures.length > 0 ? text : []), ...notes];
  return `\n${title} (${seconds} s)\n${told.map((line) => `  ${line.trimEnd()}\n`).join('')}`;
}

export function asMarkdown({ title, figures, notes }: PartReport): string {
  const [heading = [], ...rows] = tableOf(figures, '<br>');
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const table = figures.length > 0 ? `\n${[heading, heading.map(() => '---'), ...rows].map(line).join('')}` : '';
  return `## ${title}\n${table}${notes.map((note) => `\n${note}\n`).join('')}`;
}

/** How long each part took. */
export function durationsOf(parts: readonly PartReport[]): string {
  const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
  return `Measuring took ${total} s: ${parts.map(({ name, seconds }) => `${name} ${seconds}`).join(', ')}.`;
}
