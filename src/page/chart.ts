/** Charts as SVG, each with a table of the same numbers. Colors are classes of page.css, for light and dark. */
import { age, UNKNOWN } from './format.ts';
import { type Html, html, type Part } from './html.ts';

export interface Series {
  readonly name: string;
  /** The class that colors it. */
  readonly color: string;
  /** One for each time; null: not known. */
  readonly values: readonly (number | null)[];
}

/** Steps of any length, one after the other. */
export interface Steps {
  /** How long ago each of them ended, in ms, oldest first. */
  readonly agesMs: readonly number[];
  /** How long ago the first of them began, in ms. */
  readonly beginMs: number;
}

interface Chart extends Steps {
  readonly title: string;
  /** One sentence with what matters, for those who cannot see the picture. */
  readonly summary: string;
  readonly format: (value: number | null) => string;
}

export interface Stack extends Chart {
  /** From the bottom to the top. */
  readonly series: readonly Series[];
  readonly limit?: { readonly name: string; readonly value: number } | null;
  /** The axis ends at a round number of it, such as MiB. */
  readonly unit?: number;
  /** Vertical lines, such as kills. */
  readonly marks?: readonly { readonly ageMs: number; readonly text: string }[];
}

export interface Lines extends Chart {
  readonly series: readonly Series[];
}

/** Height of the plot, in units of its own: it is stretched to whatever room there is. */
const HEIGHT = 100;

export function stack(chart: Stack): Html {
  const { agesMs, beginMs, series, limit = null, marks = [], unit = 1, format } = chart;
  const sums = agesMs.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const top = unit * nice(Math.max(limit?.value ?? 0, ...sums) / unit);
  const scaled = (value: number): number => round((value / top) * HEIGHT);
  const below = agesMs.map(() => 0);
  const bars = series.map(({ color, name, values }) =>
    agesMs.map((ageMs, at) => {
      const height = scaled(values[at] ?? 0);
      if (height === 0) return null;
      below[at] = (below[at] ?? 0) + height;
      return html`<rect class="${color}" x="${at}" y="${round(HEIGHT - (below[at] ?? 0))}" width="1" height="${height}"><title>${name}: ${format(values[at] ?? null)}, ${age(ageMs)} ago</title></rect>`;
    }),
  );
  const line =
    limit === null ? null : html`<path class="limit" d="M0 ${HEIGHT - scaled(limit.value)}H${agesMs.length}"/>`;
  const lines = marks.flatMap(({ ageMs, text }) => {
    const x = placeOf(ageMs, { agesMs, beginMs });
    return x === null
      ? []
      : [html`<path class="mark" d="M${x} 0V${HEIGHT}"><title>${text}, ${age(ageMs)} ago</title></path>`];
  });
  const keys = [
    ...series.map(({ name, color }) => ({ name, color })),
    ...(limit === null ? [] : [{ name: limit.name, color: 'limit' }]),
    ...(marks.length === 0 ? [] : [{ name: 'kill', color: 'mark' }]),
  ];
  return figure(chart, keys, [format(top), format(top / 2), '0'], [bars, line, lines], series);
}

/** Lines on a logarithmic scale, with a gap where nothing is known. */
export function lines(chart: Lines): Html {
  const { series, agesMs, format } = chart;
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null && value > 0)) as number[];
  const low = 10 ** Math.floor(Math.log10(Math.min(1000, ...known)));
  const high = Math.max(low * 100, 10 ** Math.ceil(Math.log10(Math.max(1, ...known))));
  const yOf = (value: number): number =>
    round(HEIGHT * (1 - Math.log(Math.max(value, low) / low) / Math.log(high / low)));
  const paths = series.map(({ values, color }) => {
    const steps = agesMs.map((_, at) => {
      const value = values[at] ?? null;
      if (value === null) return '';
      const isNew = (values[at - 1] ?? null) === null;
      // A single point is as wide as a step.
      return `${isNew ? `M${at} ` : `L${at + 0.5} `}${yOf(value)}${isNew ? `H${at + 0.5}` : ''}`;
    });
    return html`<path class="line ${color}" d="${steps.join('')}"/>`;
  });
  const keys = series.map(({ name, color }) => ({ name, color }));
  return figure(chart, keys, [format(high), format(Math.sqrt(low * high)), format(low)], [paths], series);
}

export interface Heatmap extends Chart {
  /** From the bottom to the top; the values are numbers of operations. */
  readonly series: readonly Series[];
}

/** A cell for each number: the more, the darker. */
export function heatmap(chart: Heatmap): Html {
  const { series, agesMs, format } = chart;
  const most = Math.max(1, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const height = HEIGHT / Math.max(1, series.length);
  const cells = series.map(({ color, name, values }, row) =>
    agesMs.map((ageMs, at) => {
      const value = values[at] ?? 0;
      if (value === 0) return null;
      // Few slow operations must be seen beside many fast ones.
      const opacity = round(0.15 + 0.85 * (Math.log1p(value) / Math.log1p(most)));
      return html`<rect class="${color}" opacity="${opacity}" x="${at}" y="${round(HEIGHT - (row + 1) * height)}" width="1" height="${round(height)}"><title>${name}: ${format(value)}, ${age(ageMs)} ago</title></rect>`;
    }),
  );
  const nameAt = (share: number): string => series[Math.floor(share * (series.length - 1))]?.name ?? '';
  return figure(
    chart,
    [],
    [nameAt(1), series.length > 2 ? nameAt(0.5) : '', series.length > 1 ? nameAt(0) : ''],
    [cells],
    series,
  );
}

function figure(
  { title, summary, agesMs, beginMs, format }: Chart,
  keys: readonly { readonly name: string; readonly color: string }[],
  [high, middle, low]: readonly [string, string, string],
  shapes: readonly Part[],
  columns: readonly Pick<Series, 'name' | 'values'>[],
): Html {
  const isKnown = columns.some(({ values }) => values.some((value) => value !== null));
  const id = `chart-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  const legend = keys.map(({ name, color }) => html`<li><i class="${color}"></i>${name}</li>`);
  const rows = agesMs.map(
    (ageMs, at) =>
      html`<tr><th scope="row">${age(ageMs)} ago</th>${columns.map(({ values }) => html`<td>${values[at] == null ? UNKNOWN : format(values[at] ?? null)}</td>`)}</tr>`,
  );
  if (!isKnown)
    return html`<figure class="chart" id="${id}"><figcaption><h3>${title}</h3></figcaption><p class="faint">Not known.</p></figure>`;
  return html`<figure class="chart" id="${id}">
<figcaption><h3>${title}</h3>${keys.length === 0 ? null : html`<ul class="legend">${legend}</ul>`}</figcaption>
<div class="plot"><div class="y" aria-hidden="true"><span>${high}</span><span>${middle}</span><span>${low}</span></div>
<svg viewBox="0 0 ${Math.max(1, agesMs.length)} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}: ${summary}">${shapes}</svg></div>
<div class="x" aria-hidden="true"><span>${age(beginMs)} ago</span><span>now</span></div>
<details id="${id}-table"><summary>${title} as a table</summary><div class="scroll" role="region" aria-label="${title}, table" tabindex="0"><table><thead><tr><th scope="col">When</th>${columns.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div></details>
</figure>`;
}

/** @returns null before the first step */
function placeOf(ageMs: number, { agesMs, beginMs }: Steps): number | null {
  if (ageMs > beginMs) return null;
  const at = agesMs.findIndex((endMs) => ageMs >= endMs);
  // Newer than the last number.
  if (at === -1) return agesMs.length;
  const [from, to] = [agesMs[at - 1] ?? beginMs, agesMs[at] ?? 0];
  return round(at + (from === to ? 0 : (from - ageMs) / (from - to)));
}

/** Rounds up to a number that is easy to read, also halved. */
function nice(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 6, 8, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
