/** Draws Prometheus' answers as SVG for light and dark pages. */
export interface Line {
  readonly name: string;
  /** Pairs of time in seconds and value. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Chart {
  readonly title: string;
  /** The meaning of the numbers, below the title. */
  readonly subtitle: string;
  readonly kind: 'lines' | 'bars' | 'heatmap';
  readonly scale: 'linear' | 'log';
  readonly format: (value: number) => string;
  /** In a heatmap one for each bucket: its upper bound as name, its growth as points. */
  readonly lines: readonly Line[];
  readonly from: number;
  readonly to: number;
  readonly stepS: number;
  /** The value of a horizontal line. */
  readonly limit?: number;
}

const WIDTH = 600;
const HEIGHT = 270;
const GAP = 16;
const PLOT = { left: 64, top: 58, width: WIDTH - 64 - 20, height: 140 };
/** Colors of medium lightness, visible on white and black, and distinct for red-green color-blind people. */
const COLORS = ['#2f7ed8', '#e8700c', '#1a9c74', '#c23fa0', '#8f7a00', '#7a5cd6', '#d0312d', '#5c7080'];
/** The colors of a heatmap, from few to many. */
const HEAT = ['#fde3c8', '#fdc692', '#fda55b', '#f58434', '#de6514', '#b84a08', '#8a3405', '#5e2203'];

const heat = (colors: readonly string[]): string =>
  colors.map((color, level) => `.heat${level} { fill: ${color} }`).join(' ');

const STYLE = `
  ${heat(HEAT)}
  .page { fill: #ffffff } .card { fill: #f7f8fa; stroke: #d8dce3 }
  text { font: 12px system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #3b4252 }
  .title { font-size: 15px; font-weight: 600; fill: #1d2330 } .faint { fill: #6b7385 }
  .grid { stroke: #dfe3ea } .limit { stroke: #d0312d; stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .card { fill: #161b22; stroke: #30363d }
    text { fill: #c3cad5 } .title { fill: #f0f3f8 } .faint { fill: #8b94a3 } .grid { stroke: #2b323b }
    ${heat(HEAT.toReversed())}
  }`;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const round = (value: number): number => Math.round(value * 10) / 10;

/** Charts in two columns. */
export function draw(charts: readonly Chart[]): string {
  const width = 2 * WIDTH + 3 * GAP;
  const height = Math.ceil(charts.length / 2) * (HEIGHT + GAP) + GAP;
  const cards = charts.map((chart, index) => {
    const x = GAP + (index % 2) * (WIDTH + GAP);
    const y = GAP + Math.floor(index / 2) * (HEIGHT + GAP);
    return `<g transform="translate(${x} ${y})">\n${card(chart)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<style>${STYLE}</style>
<rect class="page" width="${width}" height="${height}"/>
${cards.join('\n')}
</svg>\n`;
}

function card(chart: Chart): string {
  const body = chart.kind === 'heatmap' ? heatmap(chart) : chart.kind === 'bars' ? bars(chart) : lines(chart);
  return [
    `<rect class="card" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="16" y="26">${escaped(chart.title)}</text>`,
    `<text class="faint" x="16" y="44">${escaped(chart.subtitle)}</text>`,
    ...times(chart),
    ...body,
  ].join('\n');
}

const xOf = ({ from, to }: Chart, time: number): number =>
  round(PLOT.left + ((time - from) / (to - from)) * PLOT.width);

function times(chart: Chart): string[] {
  const marks: string[] = [];
  const every = [10, 15, 30, 60, 120].find((step) => (chart.to - chart.from) / step <= 8) ?? 300;
  for (let second = 0; second <= chart.to - chart.from; second += every) {
    const label = `${Math.floor(second / 60)}:${String(second % 60).padStart(2, '0')}`;
    const x = xOf(chart, chart.from + second);
    marks.push(`<text class="faint" x="${x}" y="${PLOT.top + PLOT.height + 18}" text-anchor="middle">${label}</text>`);
  }
  return marks;
}

interface Axis {
  readonly marks: string[];
  yOf(value: number): number;
}

function axis({ scale, format, limit }: Chart, values: readonly number[]): Axis {
  const top = Math.max(...values, limit ?? 0, 1e-9);
  const positive = values.filter((value) => value > 0);
  const low = scale === 'log' ? 10 ** Math.floor(Math.log10(Math.min(...positive, top))) : 0;
  const high = scale === 'log' ? 10 ** Math.ceil(Math.log10(top * 1.0001)) : nice(top);
  const part = (value: number): number =>
    scale === 'log' ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : value / high;
  const yOf = (value: number): number => round(PLOT.top + PLOT.height * (1 - part(value)));
  const ticks =
    scale === 'log'
      ? Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, power) => low * 10 ** power)
      : Array.from({ length: 5 }, (_, quarter) => (high * quarter) / 4).filter(
          (tick) => high > 4 || Number.isInteger(tick),
        );
  const marks = ticks.flatMap((tick) => [
    `<path class="grid" d="M${PLOT.left} ${yOf(tick)}h${PLOT.width}"/>`,
    `<text class="faint" x="${PLOT.left - 8}" y="${yOf(tick) + 4}" text-anchor="end">${format(tick)}</text>`,
  ]);
  if (limit !== undefined) marks.push(`<path class="limit" d="M${PLOT.left} ${yOf(limit)}h${PLOT.width}"/>`);
  return { marks, yOf };
}

/** Rounds up to a number whose quarters are easy to read. */
function nice(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 8, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function legend(names: readonly string[]): string[] {
  let x = 16;
  return names.map((name, index) => {
    const at = x;
    x += 32 + name.length * 7;
    return `<rect x="${at}" y="${HEIGHT - 30}" width="12" height="4" rx="2" fill="${COLORS[index % COLORS.length]}"/><text x="${at + 17}" y="${HEIGHT - 24}">${escaped(name)}</text>`;
  });
}

function lines(chart: Chart): string[] {
  const values = chart.lines.flatMap(({ points }) => points.map(([, value]) => value));
  const { marks, yOf } = axis(chart, values);
  const paths = chart.lines.map(({ points }, index) => {
    // A gap shows where nothing was measured.
    const steps = points.map(([time, value], at) => {
      const previous = points[at - 1];
      const isNew = previous === undefined || time - previous[0] > 1.5 * chart.stepS;
      return `${isNew ? 'M' : 'L'}${xOf(chart, time)} ${yOf(value)}`;
    });
    return `<path fill="none" stroke="${COLORS[index % COLORS.length]}" stroke-width="1.6" stroke-linejoin="round" d="${steps.join('')}"/>`;
  });
  return [...marks, ...paths, ...legend(chart.lines.map(({ name }) => name))];
}

function bars(chart: Chart): string[] {
  const sums = new Map<number, number>();
  for (const { points } of chart.lines)
    for (const [time, value] of points) sums.set(time, (sums.get(time) ?? 0) + value);
  const { marks, yOf } = axis(chart, [...sums.values()]);
  const below = new Map<number, number>();
  const width = round(Math.max(3, (PLOT.width * chart.stepS) / (chart.to - chart.from) - 1));
  const rects = chart.lines.flatMap(({ points }, index) =>
    points.flatMap(([time, value]) => {
      if (time - chart.stepS < chart.from) return [];
      const base = below.get(time) ?? 0;
      below.set(time, base + value);
      const [bottom, top] = [yOf(base), yOf(base + value)];
      const color = COLORS[index % COLORS.length];
      return `<rect x="${round(xOf(chart, time) - width)}" y="${top}" width="${width}" height="${round(bottom - top)}" fill="${color}"/>`;
    }),
  );
  return [...marks, ...rects, ...legend(chart.lines.map(({ name }) => name))];
}

function heatmap(chart: Chart): string[] {
  const used = chart.lines.map(({ points }) => points.some(([, value]) => value > 0));
  const shown = chart.lines.slice(used.indexOf(true), used.lastIndexOf(true) + 1);
  const most = Math.max(...shown.flatMap(({ points }) => points.map(([, value]) => value)));
  const height = PLOT.height / shown.length;
  const width = (PLOT.width * chart.stepS) / (chart.to - chart.from);
  const cells: string[][] = HEAT.map(() => []);
  for (const [row, { points }] of shown.entries()) {
    const y = round(PLOT.top + PLOT.height - (row + 1) * height);
    for (const [time, value] of points) {
      const x = round(xOf(chart, time) - width);
      if (value < 0.5 || x < PLOT.left) continue;
      // The cube root makes a few slow operations visible beside many fast ones.
      const level = Math.min(HEAT.length - 1, Math.floor(Math.cbrt(value / most) * HEAT.length));
      cells[level]?.push(`M${x} ${y}h${round(width - 0.6)}v${round(height - 0.6)}h-${round(width - 0.6)}z`);
    }
  }
  const every = Math.ceil(shown.length / 8);
  const marks = shown.flatMap(({ name }, row) =>
    row % every === 0
      ? `<text class="faint" x="${PLOT.left - 8}" y="${round(PLOT.top + PLOT.height - (row + 0.5) * height + 4)}" text-anchor="end">${escaped(name)}</text>`
      : [],
  );
  const key = HEAT.map(
    (_, level) => `<rect class="heat${level}" x="${16 + level * 14}" y="${HEIGHT - 34}" width="13" height="10"/>`,
  );
  const words = `<text class="faint" x="${16 + HEAT.length * 14 + 8}" y="${HEIGHT - 25}">one to ${chart.format(most)} operations</text>`;
  return [
    ...marks,
    ...cells.map((paths, level) => `<path class="heat${level}" d="${paths.join('')}"/>`),
    ...key,
    words,
  ];
}
