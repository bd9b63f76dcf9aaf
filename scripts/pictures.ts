/**
 * Draws the answers to the dashboard's queries under a real load, and photographs the live page: `npm run
 * docs:pictures`, as root. Containers read, write, wait for memory and run out of it, while Floatie measures them and
 * Prometheus scrapes it.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Series } from '../test/support/database.ts';
import { startFloatie } from '../test/support/floatie.ts';
import { nameOf, type Query, queriesOf, readDashboard, substitute } from '../test/support/grafana.ts';
import { startLoad } from '../test/support/load.ts';
import { podmanEnv } from '../test/support/podman.ts';
import { type Prometheus, startPrometheus } from '../test/support/prometheus.ts';
import { type Chart, draw, type Line } from './chart.ts';
import { photograph } from './page-picture.ts';

const PICTURE = fileURLToPath(new URL('../examples/grafana/floatie.svg', import.meta.url));
const DOCS = fileURLToPath(new URL('../docs', import.meta.url));
const DURATION_S = 150;
const STEP_S = 3;

const count = (value: number): string => new Intl.NumberFormat('en', { maximumSignificantDigits: 3 }).format(value);
const micros = (us: number): string =>
  us >= 1e6 ? `${count(us / 1e6)} s` : us >= 1000 ? `${count(us / 1000)} ms` : `${us} µs`;
const MEBIBYTE = 2 ** 20;

type Look = Pick<Chart, 'subtitle' | 'kind' | 'scale' | 'format'> & {
  readonly limit?: number;
  /** The value that the axis shows as 1. */
  readonly unit?: number;
};

/** The panels to draw, by title. */
const PANELS: Readonly<Record<string, Look>> = {
  'Latency of reads': {
    subtitle: 'of all containers, up to the time beside each row',
    kind: 'heatmap',
    scale: 'linear',
    format: count,
  },
  'Latency of writes': {
    subtitle: 'of all containers, up to the time beside each row',
    kind: 'heatmap',
    scale: 'linear',
    format: count,
  },
  'reads, p99': { subtitle: 'by container', kind: 'lines', scale: 'log', format: micros },
  'writes, p99': { subtitle: 'by container', kind: 'lines', scale: 'log', format: micros },
  'Trigger → victim': { subtitle: `OOM kills in each ${STEP_S} s`, kind: 'bars', scale: 'linear', format: count },
  'Memory pressure': { subtitle: 'score, of 100', kind: 'lines', scale: 'linear', format: count, limit: 60 },
  Headroom: {
    subtitle: 'memory up to the nearest limit',
    kind: 'lines',
    scale: 'linear',
    format: (value) => `${value} MiB`,
    unit: MEBIBYTE,
  },
  'reads per second': { subtitle: 'by container', kind: 'lines', scale: 'log', format: count },
};

async function measure(prometheus: Prometheus, names: readonly string[]): Promise<Chart[]> {
  const to = Math.floor(Date.now() / 1000);
  const from = to - DURATION_S;
  // Leaves out all other containers on this machine.
  const variables = { container: names.join('|') };
  const view = { rangeS: DURATION_S, stepS: STEP_S, scrapeS: 1, variables };
  const charts: Chart[] = [];
  for (const [title, look] of Object.entries(PANELS)) {
    const lines: Line[] = [];
    for (const query of queriesOf(readDashboard()).filter(({ panel, isInstant }) => panel === title && !isInstant)) {
      const series = await prometheus.queryRange(substitute(query.expr, view), from, to, STEP_S);
      lines.push(...(look.kind === 'heatmap' ? bucketsOf(series) : linesOf(series, query, look.unit)));
    }
    charts.push({ ...look, title, lines, from, to, stepS: STEP_S });
  }
  return charts;
}

const pointsOf = ({ values = [] }: Series): [number, number][] => values.map(([time, value]) => [time, Number(value)]);

function linesOf(series: readonly Series[], query: Query, unit = 1): Line[] {
  return series.map((one) => ({
    // All series are of one instance.
    name: nameOf(query, one.metric).replace(` · ${one.metric.instance}`, ''),
    points: pointsOf(one).map(([time, value]) => [time, value / unit]),
  }));
}

/** The growth of each bucket, from the cumulative buckets. */
function bucketsOf(series: readonly Series[]): Line[] {
  const boundOf = ({ metric }: Series): number => (metric.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(metric.le));
  const sorted = series.toSorted((a, b) => boundOf(a) - boundOf(b));
  return sorted.map((one, index) => {
    const lower = new Map(pointsOf(sorted[index - 1] ?? { metric: {} }));
    const points = pointsOf(one).map(([time, value]): [number, number] => [time, value - (lower.get(time) ?? 0)]);
    return { name: micros(boundOf(one)), points };
  });
}

const { CONTAINERS_STORAGE_CONF = '' } = podmanEnv();
const settings = ['containers.names=true', 'containers.include=["*libpod*"]'].flatMap((setting) => ['--set', setting]);
await using floatie = await startFloatie(settings, { env: { CONTAINERS_STORAGE_CONF } });
await using prometheus = await startPrometheus([floatie.url]);
await using load = await startLoad([4000, 9000, 15_000, 22_000, 60_000]);
await sleep(DURATION_S * 1000);
await photograph(floatie.url, load.containers.archive, DOCS);
const picture = draw(await measure(prometheus, Object.keys(load.containers)));
writeFileSync(PICTURE, picture);
process.stderr.write(`${PICTURE}: ${picture.length} bytes\n`);
