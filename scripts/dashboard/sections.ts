/** What the dashboard shows, from the question one comes with down to how Floatie itself is doing. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { kernelMetrics, selfMetrics } from '../../src/metrics/catalogue.ts';
import { bars, CONTAINER, graph, heatmap, limited, logarithmic, number, states, table } from './panels.ts';
import { buckets, byOwner, growth, growthInRange, HOST, named, quantile, rate, series, sumBy } from './promql.ts';

export interface Section {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

const { readLatency, writeLatency, oomKills, pressureScore, memoryHeadroom } = kernelMetrics;

const MICROSECONDS = 'µs';
const BYTES = 'bytes';
const PER_SECOND = 'ops';
const SHARE = 'percentunit';
const SECONDS = 's';
const DURATION = 'dtdurations';
const COUNT = 'short';

/** Of a kill: who asked for memory, who died for it, and whose process that was. */
const KILL = ['instance', 'trigger_comm', 'victim_comm', 'scope', 'cgroup', 'container_id', 'container_name'];
const POD = 'k8s_pod_name';
const VICTIM = { victim_comm: '!=""' };
/** The series that is there from the start. */
const NO_VICTIM = `${oomKills.name}{instance=~"$instance", victim_comm=""}`;

/** OOM kills of each victim since the step before. */
export const killsIn = (step: string): string =>
  `${named(growth(oomKills, [...KILL, POD], VICTIM, step, NO_VICTIM))} > 0`;
const killsInRange = growthInRange(oomKills, [...KILL, POD], VICTIM, NO_VICTIM);

/** The rows of a table: one for each container. */
const ROW = ['instance', 'container', 'cgroup'];
const row = (of: string): string => sumBy(ROW, named(of));
/** The same of Floatie itself: one for each. */
const RUNNING = ['instance', 'version', 'node_version', 'libbpf_version', 'kernel_release'];
/** Only the worst of many. */
const worst = (of: string): string => `topk($top, ${of})`;

export function sections(): Section[] {
  return [overview(), latency(), oom(), memory(), floatie()];
}

function overview(): Section {
  const slowest = (metric: typeof readLatency | typeof writeLatency): string =>
    `max(${quantile(0.99, metric, '$__range')})`;
  return {
    title: 'At a glance',
    panels: [
      number(
        { title: 'OOM kills', unit: COUNT, width: 4, about: [oomKills, 'In the time that is shown'] },
        `sum(${killsInRange} or 0 * max(${NO_VICTIM}))`,
        ['green', ['red', 1]],
      ),
      number(
        { title: 'Memory pressure', unit: COUNT, width: 4, about: [pressureScore, 'Of the host that is worst off'] },
        `max(${series(pressureScore, HOST)})`,
        ['green', ['orange', 20], ['red', 60]],
      ),
      number(
        { title: 'Slowest reads, p99', unit: MICROSECONDS, width: 4, about: [readLatency, 'Of the slowest container'] },
        slowest(readLatency),
        ['green', ['orange', 10_000], ['red', 100_000]],
      ),
      number(
        {
          title: 'Slowest writes, p99',
          unit: MICROSECONDS,
          width: 4,
          about: [writeLatency, 'Of the slowest container'],
        },
        slowest(writeLatency),
        ['green', ['orange', 10_000], ['red', 100_000]],
      ),
      number(
        { title: 'Least headroom', unit: BYTES, width: 4, about: [memoryHeadroom, 'Of the container that has least'] },
        `min(${series(memoryHeadroom)})`,
        ['red', ['orange', 16 << 20], ['green', 64 << 20]],
      ),
      number(
        { title: 'Probes not attached', unit: COUNT, width: 4, about: [selfMetrics.probeAttached] },
        `count(${series(selfMetrics.probeAttached)}) - sum(${series(selfMetrics.probeAttached)})`,
        ['green', ['red', 1]],
      ),
    ],
  };
}

function latency(): Section {
  const operations = { reads: readLatency, writes: writeLatency };
  const quantiles = { p50: 0.5, p95: 0.95, p99: 0.99 };
  const kinds = { failed: kernelMetrics.errors, empty: kernelMetrics.zeros, asynchronous: kernelMetrics.async };
  const apart = Object.entries(kinds).map(([kind, metric]) => [
    `{{op}}s, ${kind}`,
    `${sumBy(['op'], rate(metric))} > 0`,
  ]);
  return {
    title: 'Overlayfs latency',
    panels: [
      ...Object.entries(operations).map(([name, metric]) =>
        heatmap(
          { title: `Latency of ${name}`, unit: MICROSECONDS, width: 12, about: [metric, 'All containers together'] },
          buckets(metric),
        ),
      ),
      table(
        {
          title: 'Slowest containers',
          width: 24,
          about: [readLatency, writeLatency, 'Over the whole time that is shown'],
        },
        ROW,
        [
          { name: 'reads p99', expr: worst(row(quantile(0.99, readLatency, '$__range'))), unit: MICROSECONDS },
          { name: 'writes p99', expr: worst(row(quantile(0.99, writeLatency, '$__range'))), unit: MICROSECONDS },
          { name: 'reads', expr: row(byOwner(rate(readLatency, {}, '$__range'))), unit: PER_SECOND },
          { name: 'writes', expr: row(byOwner(rate(writeLatency, {}, '$__range'))), unit: PER_SECOND },
        ],
      ),
      ...Object.entries(operations).flatMap(([name, metric]) =>
        Object.entries(quantiles).map(([label, q]) =>
          logarithmic(
            { title: `${name}, ${label}`, unit: MICROSECONDS, width: 8, about: [metric, 'The slowest containers'] },
            { [CONTAINER]: worst(named(quantile(q, metric))) },
          ),
        ),
      ),
      ...Object.entries(operations).map(([name, metric]) =>
        graph(
          { title: `${name} per second`, unit: PER_SECOND, width: 8, about: [metric, 'The busiest containers'] },
          { [CONTAINER]: worst(named(byOwner(rate(metric)))) },
        ),
      ),
      graph(
        {
          title: 'In no histogram',
          unit: PER_SECOND,
          width: 8,
          about: [...Object.values(kinds), kernelMetrics.excluded],
        },
        { ...Object.fromEntries(apart), '{{op}}s, left out': `${sumBy(['op'], rate(kernelMetrics.excluded))} > 0` },
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
          width: 14,
          about: [oomKills, 'The one that asked for memory → the one that was killed'],
        },
        { '{{trigger_comm}} → {{victim_comm}} · {{container}}': killsIn('$__interval') },
      ),
      table(
        {
          title: 'Who was killed',
          width: 10,
          about: [oomKills, 'In the time that is shown; the records at /oom have the details'],
        },
        ['victim_comm', 'trigger_comm', 'scope', 'container', 'instance'],
        [
          {
            name: 'kills',
            expr: `${sumBy(['victim_comm', 'trigger_comm', 'scope', 'container', 'instance'], named(killsInRange))} > 0`,
            unit: COUNT,
          },
        ],
      ),
    ],
  };
}

function memory(): Section {
  const { pressureWaiting, pressureStalled } = kernelMetrics;
  const container = { scope: '="container"' };
  return {
    title: 'Memory',
    panels: [
      limited(
        graph(
          { title: 'Memory pressure', unit: COUNT, width: 8, about: [pressureScore, 'The alert begins at 60'] },
          {
            'host · {{instance}}': sumBy(['instance'], series(pressureScore, HOST)),
            [CONTAINER]: worst(named(byOwner(series(pressureScore, container)))),
          },
        ).max(100),
        60,
      ),
      graph(
        { title: 'Share of time waiting for memory', unit: SHARE, width: 8, about: [pressureWaiting, pressureStalled] },
        {
          'host, some tasks · {{instance}}': sumBy(['instance'], rate(pressureWaiting, HOST)),
          'host, all tasks · {{instance}}': sumBy(['instance'], rate(pressureStalled, HOST)),
          [`some tasks of ${CONTAINER}`]: `${worst(named(byOwner(rate(pressureWaiting, container))))} > 0`,
        },
      ),
      graph(
        { title: 'Headroom', unit: BYTES, width: 8, about: [memoryHeadroom, 'The containers that have least'] },
        { [CONTAINER]: `bottomk($top, ${named(byOwner(series(memoryHeadroom)))})` },
      ),
    ],
  };
}

function floatie(): Section {
  const self = selfMetrics;
  const each = (metric: (typeof selfMetrics)[keyof typeof selfMetrics]): string => sumBy(['instance'], series(metric));
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
          'pressure: {{reason}} · {{instance}}': `1 - ${series(self.pressureUnavailable)}`,
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
        { title: 'OOM kills that the kernel counts more', unit: COUNT, width: 6, about: [self.oomReconcileDifference] },
        { '{{source}} · {{instance}}': series(self.oomReconcileDifference) },
      ),
      graph(
        { title: 'Cgroups that have series', unit: COUNT, width: 6, about: [self.mapEntries, self.pressureLeftOut] },
        {
          '{{instance}}': each(self.mapEntries),
          'without a pressure score · {{instance}}': `${each(self.pressureLeftOut)} > 0`,
        },
      ),
      graph(
        { title: 'Threads that are followed', unit: COUNT, width: 6, about: [self.threadsTracked] },
        { '{{instance}}': each(self.threadsTracked) },
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
      states(
        {
          title: 'Last reload of the configuration',
          unit: COUNT,
          width: 24,
          about: [self.reloadSuccessful, self.reloadSuccess],
        },
        {
          '{{instance}}': series(self.reloadSuccessful),
          'in the last hour · {{instance}}': `time() - ${series(self.reloadSuccess)} < bool 3600`,
        },
        ['no', 'yes'],
      ),
      table(
        { title: 'What is running', width: 24, about: [self.buildInfo, self.startTime, self.reloadSuccess] },
        RUNNING,
        [
          { name: 'running for', expr: runningSince(self.startTime), unit: DURATION },
          { name: 'configured for', expr: runningSince(self.reloadSuccess), unit: DURATION },
        ],
      ).height(5),
    ],
  };
}
