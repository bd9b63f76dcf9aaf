/** The rows of the dashboard and their panels: first what people come for, Floatie itself last. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Metric, selfMetrics } from '../../src/metrics/catalogue.ts';
import { receivers } from '../../src/receivers/index.ts';
import { metrics as killsMetrics } from '../../src/receivers/kills/metrics.ts';
import { metrics as oomMetrics } from '../../src/receivers/oom/metrics.ts';
import { latencyOf, metrics as overlayfsMetrics } from '../../src/receivers/overlayfs/metrics.ts';
import { metrics as pressureMetrics } from '../../src/receivers/pressure/metrics.ts';
import { metrics as reclaimMetrics } from '../../src/receivers/reclaim/metrics.ts';
import {
  bars,
  CONTAINER,
  CONTAINER_HERE,
  graph,
  heatmap,
  limited,
  logarithmic,
  number,
  stacked,
  states,
  table,
} from './panels.ts';
import {
  buckets,
  byOwner,
  growth,
  growthInRange,
  HOST,
  type Matchers,
  OWNER,
  quantile,
  rate,
  series,
  sumBy,
  waiting,
} from './promql.ts';

export interface Section {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

const {
  read: readLatency,
  write: writeLatency,
  sync: syncLatency,
  open: openLatency,
  splice: transferLatency,
  setattr: metadataLatency,
  copy_up_open: copyUpLatency,
} = latencyOf;
const { kills: oomKills } = oomMetrics;
const { sigkills } = killsMetrics;
const { score: pressureScore, headroom: memoryHeadroom, majorFaults } = pressureMetrics;

const OPERATIONS = { reads: readLatency, writes: writeLatency, syncs: syncLatency, opens: openLatency };
/** Of histograms with several operations, by their legend. */
const KINDS = { '{{op}}': metadataLatency, 'transfers, {{op}}': transferLatency };
const OUTERMOST = 'Outermost operations only: a copy-up lies within the operation that caused it';

const MICROSECONDS = 'µs';
const BYTES = 'bytes';
const PER_SECOND = 'ops';
const BYTES_PER_SECOND = 'Bps';
const SHARE = 'percentunit';
const SECONDS = 's';
const DURATION = 'dtdurations';
const COUNT = 'short';

const KILL = ['victim_comm', 'trigger_comm', 'scope', ...OWNER];
const VICTIM = { victim_comm: '!=""' };
/** The series that is there from Floatie's start, as 0. */
const NO_VICTIM = `${oomKills.name}{instance=~"$instance", victim_comm=""}`;

/** OOM kills of each victim since the step before. */
export const killsIn = (step: string): string => `${growth(oomKills, KILL, VICTIM, step, NO_VICTIM)} > 0`;
const killsInRange = growthInRange(oomKills, KILL, VICTIM, NO_VICTIM);

const SIGKILL = ['killer', 'sender_comm', ...OWNER];
const KILLER = { killer: '!=""' };
const NO_KILLER = `${sigkills.name}{instance=~"$instance", killer=""}`;
const sigkillsIn = (step: string): string => `${growth(sigkills, SIGKILL, KILLER, step, NO_KILLER)} > 0`;
const sigkillsInRange = growthInRange(sigkills, SIGKILL, KILLER, NO_KILLER);

const RUNNING = ['instance', 'version', 'node_version', 'libbpf_version', 'kernel_release'];
const worst = (of: string): string => `topk($top, ${of})`;

export function sections(): Section[] {
  const written = [overview(), waits(), causes(), latency(), copyUps(), oom(), killed(), memory()];
  const last = floatie();
  return [...written, ...others([...written, last]), last];
}

/** A plain section for each receiver with metrics that no other section shows. */
function others(sections: readonly Section[]): Section[] {
  const shown = JSON.stringify(sections.flatMap(({ panels }) => panels.map((panel) => panel.build())));
  const isHidden = ({ name }: Metric): boolean => !new RegExp(`\\b${name}(_bucket|_count)?\\b`).test(shown);
  return receivers.flatMap(({ name, metrics }) => {
    const panels = metrics
      .filter(isHidden)
      .map((metric) =>
        graph(
          { title: metric.name, unit: metric.unit || COUNT, width: 8, about: [metric] },
          { __auto: plainQuery(metric) },
        ),
      );
    return panels.length === 0 ? [] : [{ title: name, panels }];
  });
}

function plainQuery(metric: Metric): string {
  if (metric.kind === 'histogram') return worst(quantile(0.99, metric));
  return worst(metric.kind === 'counter' ? rate(metric) : series(metric));
}

function overview(): Section {
  return {
    title: 'At a glance',
    panels: [
      number(
        { title: 'OOM kills', unit: COUNT, width: 6, about: [oomKills, 'In the time that is shown'] },
        `sum(${killsInRange} or 0 * max(${NO_VICTIM}))`,
        ['green', ['red', 1]],
      ),
      number(
        { title: 'Memory pressure', unit: COUNT, width: 6, about: [pressureScore, 'Of the host that is worst off'] },
        `max(${series(pressureScore, HOST)})`,
        ['green', ['orange', 20], ['red', 60]],
      ),
      ...Object.entries(OPERATIONS).map(([name, metric]) =>
        number(
          { title: `Slowest ${name}, p99`, unit: MICROSECONDS, width: 6, about: [metric, 'Of the slowest container'] },
          `max(${quantile(0.99, metric, '$__range')})`,
          ['green', ['orange', 10_000], ['red', 100_000]],
        ),
      ),
      number(
        { title: 'Least headroom', unit: BYTES, width: 6, about: [memoryHeadroom, 'Of the container that has least'] },
        `min(${series(memoryHeadroom)})`,
        ['red', ['orange', 16 << 20], ['green', 64 << 20]],
      ),
      number(
        { title: 'Probes not attached', unit: COUNT, width: 6, about: [selfMetrics.probeAttached] },
        `count(${series(selfMetrics.probeAttached)}) - sum(${series(selfMetrics.probeAttached)})`,
        ['green', ['red', 1]],
      ),
    ],
  };
}

function waits(): Section {
  const about = [...Object.values({ ...OPERATIONS, ...KINDS }), OUTERMOST];
  const histograms = Object.entries({ ...OPERATIONS, ...KINDS });
  return {
    title: 'What containers wait for',
    panels: [
      stacked(
        { title: 'Waiting for overlayfs', unit: COUNT, width: 12, about: ['The number of tasks that wait', ...about] },
        Object.fromEntries(histograms.map(([name, metric]) => [name, waiting(metric, isKind(metric) ? ['op'] : [])])),
      ),
      graph(
        {
          title: 'Who waits, and for what',
          unit: COUNT,
          width: 12,
          about: ['The containers with most waiting tasks', ...about],
        },
        Object.fromEntries(
          histograms.map(([name, metric]) => [
            `${name} · ${CONTAINER_HERE}`,
            worst(waiting(metric, [...OWNER, ...(isKind(metric) ? ['op'] : [])])),
          ]),
        ),
      ),
    ],
  };
}

function causes(): Section {
  const { wait, fetched, reads } = overlayfsMetrics;
  const outermost: Matchers = { op: '!~"copy_up_.*"' };
  const perSecond = rate(wait, outermost);
  return {
    title: 'Where the time goes',
    panels: [
      stacked(
        { title: 'Waiting by cause', unit: COUNT, width: 12, about: ['The number of tasks', wait, OUTERMOST] },
        { '{{cause}}': sumBy(['cause'], perSecond) },
      ),
      stacked(
        { title: 'Who waits, by cause', unit: COUNT, width: 12, about: ['The containers with most', wait, OUTERMOST] },
        { [`{{cause}} · ${CONTAINER_HERE}`]: worst(byOwner(perSecond, ['cause'])) },
      ),
      graph(
        { title: 'Operations by cause', unit: COUNT, width: 8, about: ['Those with most', wait, OUTERMOST] },
        { '{{op}}: {{cause}}': worst(sumBy(['op', 'cause'], perSecond)) },
      ),
      graph(
        { title: 'Read from devices', unit: BYTES_PER_SECOND, width: 8, about: [fetched, OUTERMOST] },
        { [`{{op}} · ${CONTAINER_HERE}`]: worst(byOwner(rate(fetched, outermost), ['op'])) },
      ),
      stacked(
        { title: 'Where reads come from', unit: PER_SECOND, width: 8, about: [reads] },
        { '{{source}}': sumBy(['source'], rate(reads)) },
      ),
    ],
  };
}

function isKind(metric: Metric): boolean {
  return Object.values<Metric>(KINDS).includes(metric);
}

function copyUps(): Section {
  const look = { width: 8, about: [copyUpLatency, 'By what caused them; part of the latency of that operation'] };
  const bytes = rate(overlayfsMetrics.bytes, { op: '=~"copy_up_.*"' });
  return {
    title: 'Copy-ups',
    panels: [
      graph(
        { ...look, title: 'Copy-ups per second', unit: PER_SECOND },
        { [`{{op}} · ${CONTAINER_HERE}`]: worst(byOwner(rate(copyUpLatency), ['op'])) },
      ),
      graph(
        { ...look, title: 'Waiting for copy-ups', unit: COUNT },
        { [`{{op}} · ${CONTAINER_HERE}`]: worst(waiting(copyUpLatency, [...OWNER, 'op'])) },
      ),
      graph(
        { title: 'Copied up', unit: BYTES_PER_SECOND, width: 8, about: [overlayfsMetrics.bytes] },
        { [`{{op}} · ${CONTAINER_HERE}`]: worst(byOwner(bytes, ['op'])) },
      ),
    ],
  };
}

function latency(): Section {
  const quantiles = { p50: 0.5, p95: 0.95, p99: 0.99 };
  const ofKinds = [...Object.values(KINDS), 'All containers together'];
  const apart = {
    empty: overlayfsMetrics.zeros,
    asynchronous: overlayfsMetrics.async,
    excluded: overlayfsMetrics.excluded,
  };
  return {
    title: 'Overlayfs latency',
    panels: [
      ...Object.entries(OPERATIONS).map(([name, metric]) =>
        heatmap(
          { title: `Latency of ${name}`, unit: MICROSECONDS, width: 12, about: [metric, 'All containers together'] },
          buckets(metric),
        ),
      ),
      table(
        {
          title: 'Slowest containers',
          width: 24,
          about: [...Object.values(OPERATIONS), 'Over the whole time that is shown'],
        },
        OWNER,
        [
          ...Object.entries(OPERATIONS).map(([name, metric]) => ({
            name: `${name} p99`,
            expr: worst(quantile(0.99, metric, '$__range')),
            unit: MICROSECONDS,
          })),
          ...Object.entries(OPERATIONS).map(([name, metric]) => ({
            name,
            expr: byOwner(rate(metric, {}, '$__range')),
            unit: PER_SECOND,
          })),
        ],
      ),
      ...Object.entries(OPERATIONS).flatMap(([name, metric]) =>
        Object.entries(quantiles).map(([label, q]) =>
          logarithmic(
            { title: `${name}, ${label}`, unit: MICROSECONDS, width: 8, about: [metric, 'The slowest containers'] },
            { [CONTAINER_HERE]: worst(quantile(q, metric)) },
          ),
        ),
      ),
      logarithmic(
        { title: 'Other operations, p99', unit: MICROSECONDS, width: 12, about: ofKinds },
        Object.fromEntries(
          Object.entries(KINDS).map(([name, metric]) => [name, quantile(0.99, metric, undefined, ['op'])]),
        ),
      ),
      graph(
        { title: 'Other operations per second', unit: PER_SECOND, width: 12, about: ofKinds },
        Object.fromEntries(Object.entries(KINDS).map(([name, metric]) => [name, sumBy(['op'], rate(metric))])),
      ),
      ...Object.entries(OPERATIONS).map(([name, metric]) =>
        graph(
          { title: `${name} per second`, unit: PER_SECOND, width: 6, about: [metric, 'The busiest containers'] },
          { [CONTAINER_HERE]: worst(byOwner(rate(metric))) },
        ),
      ),
      graph(
        { title: 'Bytes moved', unit: BYTES_PER_SECOND, width: 8, about: [overlayfsMetrics.bytes] },
        { '{{op}}': sumBy(['op'], rate(overlayfsMetrics.bytes)) },
      ),
      graph(
        { title: 'Failed', unit: PER_SECOND, width: 8, about: [overlayfsMetrics.errors] },
        { '{{op}}, {{error_type}}': `${sumBy(['op', 'error_type'], rate(overlayfsMetrics.errors))} > 0` },
      ),
      graph(
        { title: 'In no histogram', unit: PER_SECOND, width: 8, about: Object.values(apart) },
        Object.fromEntries(
          Object.entries(apart).map(([kind, metric]) => [`{{op}}, ${kind}`, `${sumBy(['op'], rate(metric))} > 0`]),
        ),
      ),
    ],
  };
}

function oom(): Section {
  return {
    title: 'OOM kills',
    panels: [
      bars(
        {
          title: 'Trigger → victim',
          unit: COUNT,
          width: 10,
          about: [oomKills, 'The one that asked for memory → the one that was killed'],
        },
        { [`{{trigger_comm}} → {{victim_comm}} · ${CONTAINER}`]: killsIn('$__interval') },
      ),
      table(
        {
          title: 'Who was killed',
          width: 14,
          about: [oomKills, 'In the time that is shown; the records at /oom have the details'],
        },
        KILL,
        [{ name: 'kills', expr: `${killsInRange} > 0`, unit: COUNT }],
      ),
    ],
  };
}

function killed(): Section {
  return {
    title: 'SIGKILL',
    panels: [
      bars(
        {
          title: 'Killer → container',
          unit: COUNT,
          width: 10,
          about: [sigkills, 'The kernel’s own kills, runtimes, daemons and other processes; see "Who killed it"'],
        },
        { [`{{killer}} {{sender_comm}} → ${CONTAINER}`]: sigkillsIn('$__interval') },
      ),
      table(
        {
          title: 'Who killed',
          width: 14,
          about: [sigkills, 'In the time that is shown; the records at /kills explain each'],
        },
        SIGKILL,
        [{ name: 'processes', expr: `${sigkillsInRange} > 0`, unit: COUNT }],
      ),
    ],
  };
}

function memory(): Section {
  const { waiting: pressureWaiting, stalled: pressureStalled } = pressureMetrics;
  const { latency: reclaimLatency } = reclaimMetrics;
  const container = { scope: '="container"' };
  return {
    title: 'Memory',
    panels: [
      limited(
        graph(
          { title: 'Memory pressure', unit: COUNT, width: 8, about: [pressureScore, 'The alert begins at 60'] },
          {
            'host · {{instance}}': sumBy(['instance'], series(pressureScore, HOST)),
            [CONTAINER_HERE]: worst(byOwner(series(pressureScore, container))),
          },
        ).max(100),
        60,
      ),
      graph(
        { title: 'Share of time waiting for memory', unit: SHARE, width: 8, about: [pressureWaiting, pressureStalled] },
        {
          'host, some tasks · {{instance}}': sumBy(['instance'], rate(pressureWaiting, HOST)),
          'host, all tasks · {{instance}}': sumBy(['instance'], rate(pressureStalled, HOST)),
          [`some tasks of ${CONTAINER_HERE}`]: `${worst(byOwner(rate(pressureWaiting, container)))} > 0`,
        },
      ),
      graph(
        { title: 'Headroom', unit: BYTES, width: 8, about: [memoryHeadroom, 'The containers that have least'] },
        { [CONTAINER_HERE]: `bottomk($top, ${byOwner(series(memoryHeadroom))})` },
      ),
      graph(
        { title: 'Major faults', unit: PER_SECOND, width: 8, about: [majorFaults] },
        { [CONTAINER_HERE]: `${worst(byOwner(rate(majorFaults)))} > 0` },
      ),
      graph(
        { title: 'Tasks that reclaim memory', unit: COUNT, width: 8, about: [reclaimLatency, 'How many at a time'] },
        { [CONTAINER_HERE]: `${worst(waiting(reclaimLatency, OWNER))} > 0` },
      ),
      graph(
        { title: 'p99 of reclaims', unit: MICROSECONDS, width: 8, about: [reclaimLatency] },
        { [CONTAINER_HERE]: worst(quantile(0.99, reclaimLatency)) },
      ),
    ],
  };
}

function floatie(): Section {
  const self = selfMetrics;
  const each = (metric: Metric): string => sumBy(['instance'], series(metric));
  const runningSince = (moment: typeof self.startTime | typeof self.reloadSuccess): string =>
    sumBy(RUNNING, `${series(self.buildInfo)} * on (instance) group_left () (time() - ${series(moment)})`);
  return {
    title: 'Floatie itself',
    panels: [
      states(
        {
          title: 'Probes and configuration',
          unit: COUNT,
          width: 12,
          about: [self.probeAttached, self.reloadSuccessful],
        },
        {
          '{{probe}} by {{method}} · {{instance}}': series(self.probeAttached),
          'pressure: {{reason}} · {{instance}}': `1 - ${series(pressureMetrics.unavailable)}`,
          'configuration · {{instance}}': series(self.reloadSuccessful),
        },
        ['no', 'yes'],
      ),
      graph(
        {
          title: 'What was missed',
          unit: PER_SECOND,
          width: 12,
          about: [
            self.probeMisses,
            self.eventsLost,
            self.seriesOverflow,
            self.collectErrors,
            self.jobErrors,
            self.logLost,
          ],
        },
        {
          '{{probe}}, {{reason}} · {{instance}}': `${rate(self.probeMisses)} > 0`,
          'details of {{probe}} lost · {{instance}}': rate(self.eventsLost),
          '{{probe}} without a series of its own · {{instance}}': rate(self.seriesOverflow),
          'collections that failed · {{instance}}': rate(self.collectErrors),
          'cannot {{job_name}} · {{instance}}': rate(self.jobErrors),
          'lines of the log lost · {{instance}}': rate(self.logLost),
        },
      ).height(6),
      graph(
        {
          title: 'Exports by OTLP',
          unit: PER_SECOND,
          width: 6,
          about: [self.otlpExports, self.otlpRejected, self.otlpDropped],
        },
        {
          '{{exporter}}, {{outcome}} · {{instance}}': rate(self.otlpExports),
          'records given up · {{instance}}': rate(self.otlpDropped),
          'rejected · {{exporter}} on {{instance}}': rate(self.otlpRejected),
        },
      ),
      graph(
        { title: 'Since the last export that went well', unit: SECONDS, width: 6, about: [self.otlpLastSuccess] },
        { '{{exporter}} · {{instance}}': `time() - ${series(self.otlpLastSuccess)}` },
      ),
      graph(
        { title: 'Records of OOM kills that wait', unit: COUNT, width: 6, about: [self.otlpQueueLength] },
        { '{{exporter}} · {{instance}}': series(self.otlpQueueLength) },
      ),
      graph(
        {
          title: 'OOM kills that the kernel counts more',
          unit: COUNT,
          width: 6,
          about: [oomMetrics.reconcileDifference],
        },
        { '{{source}} · {{instance}}': series(oomMetrics.reconcileDifference) },
      ),
      graph(
        { title: 'Cgroups that have series', unit: COUNT, width: 6, about: [self.mapEntries, pressureMetrics.leftOut] },
        {
          '{{instance}}': each(self.mapEntries),
          'without a pressure score · {{instance}}': `${each(pressureMetrics.leftOut)} > 0`,
        },
      ),
      graph(
        { title: 'Memory', unit: BYTES, width: 6, about: [self.residentMemory, self.mapMemory] },
        {
          'process · {{instance}}': each(self.residentMemory),
          'maps in the kernel · {{instance}}': each(self.mapMemory),
        },
      ),
      graph(
        { title: 'CPU', unit: SHARE, width: 6, about: [self.cpuSeconds, self.programSeconds, 'As a share of one CPU'] },
        {
          'process · {{instance}}': sumBy(['instance'], rate(self.cpuSeconds)),
          'programs in the kernel · {{instance}}': sumBy(['instance'], rate(self.programSeconds)),
        },
      ),
      graph(
        { title: 'Open files', unit: COUNT, width: 6, about: [self.openFds, self.maxFds] },
        { 'open · {{instance}}': each(self.openFds), 'allowed · {{instance}}': each(self.maxFds) },
      ),
      graph(
        {
          title: 'How long answers take',
          unit: SECONDS,
          width: 6,
          about: [self.collectionSeconds, self.scrapeSeconds, self.eventLoopDelay],
        },
        {
          'mean collection · {{instance}}': `${rate(self.collectionSeconds)} / ${rate(self.collections)}`,
          'mean scrape · {{instance}}': `${rate(self.scrapeSeconds)} / ${rate(self.scrapes)}`,
          'event loop, {{statistic}} · {{instance}}': series(self.eventLoopDelay),
        },
      ),
      graph(
        { title: 'Threads that are followed', unit: COUNT, width: 6, about: [self.threadsTracked] },
        { '{{instance}}': each(self.threadsTracked) },
      ),
      graph(
        { title: 'Runs of programs', unit: PER_SECOND, width: 6, about: [self.programRuns] },
        { '{{instance}}': sumBy(['instance'], rate(self.programRuns)) },
      ),
      graph(
        { title: 'Connections', unit: COUNT, width: 6, about: [self.connections, self.connectionsDropped] },
        {
          'open · {{instance}}': each(self.connections),
          'dropped a second, {{reason}} · {{instance}}': `${rate(self.connectionsDropped)} > 0`,
        },
      ),
      table(
        { title: 'Not measured here', width: 8, about: [overlayfsMetrics.measured] },
        ['instance', 'op', 'method'],
        [{ name: 'measured', expr: `${series(overlayfsMetrics.measured)} == 0`, unit: COUNT }],
      ).height(5),
      table(
        { title: 'What is running', width: 16, about: [self.buildInfo, self.startTime, self.reloadSuccess] },
        RUNNING,
        [
          { name: 'running for', expr: runningSince(self.startTime), unit: DURATION },
          { name: 'configured for', expr: runningSince(self.reloadSuccess), unit: DURATION },
        ],
      ).height(5),
    ],
  };
}
