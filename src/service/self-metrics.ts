/** The metrics about Floatie itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Attributes } from '@opentelemetry/api';
import { selfMetrics } from '../metrics/catalogue.ts';
import type { Observer } from '../metrics/observer.ts';
import { libbpfVersion } from '../native/index.ts';
import { monotonicMs, Stamp } from '../program/clock.ts';
import { maxFds } from '../program/descriptors.ts';
import type { Health } from '../program/health.ts';
import { standardError } from '../program/standard-error.ts';
import { version } from '../program/version.ts';
import { KernelCostsReader } from './kernel-costs.ts';

/** The process_* metrics, named as in Prometheus' client libraries. */
export function observeProcess(observe: Observer): void {
  const started = new Stamp(process.uptime());
  observe(selfMetrics.startTime, (report) => report(started.seconds));
  observe(selfMetrics.residentMemory, (report) => report(process.memoryUsage.rss()));
  observe(selfMetrics.openFds, (report) => report(readdirSync('/proc/self/fd').length));
  const limit = maxFds(readFileSync('/proc/self/limits', 'utf8'));
  if (limit !== null) observe(selfMetrics.maxFds, (report) => report(limit));
  observe(selfMetrics.cpuSeconds, (report) => {
    const { user, system } = process.cpuUsage();
    report(user + system);
  });
}

/** The minimum window of the event loop delay, in ms. */
const DELAY_WINDOW_MS = 10_000;

/** The event loop delay, as the timers of jobs see it: timers of its own would cost more than the jobs do. */
export function observeEventLoop(observe: Observer, { delays }: Pick<Health, 'delays'>): void {
  let sinceMs = monotonicMs();
  observe(selfMetrics.eventLoopDelay, (report) => {
    if (delays.count > 0) {
      report(delays.percentile(99) / 1e9, { statistic: 'p99' });
      report(delays.max / 1e9, { statistic: 'max' });
    }
    if (monotonicMs() - sinceMs < DELAY_WINDOW_MS) return;
    delays.reset();
    sinceMs = monotonicMs();
  });
}

/** Floatie's cost in the kernel. */
export function observeKernelCosts(observe: Observer, costs = new KernelCostsReader()): void {
  observe(selfMetrics.mapMemory, (report) => report(costs.read().mapBytes));
  observe(selfMetrics.programRuns, (report) => {
    const { programs } = costs.read();
    if (programs !== null) report(programs.runs);
  });
  observe(selfMetrics.programSeconds, (report) => {
    const { programs } = costs.read();
    if (programs !== null) report(programs.runTimeNs);
  });
}

/** Versions, probes and exports. */
export function observeSelf(observe: Observer, health: Health): void {
  let build: Attributes | undefined;
  observe(selfMetrics.buildInfo, (report) => {
    // Not before: where libbpf cannot be opened, the receivers say what helps.
    build ??= {
      version,
      node_version: process.version,
      libbpf_version: libbpfVersion(),
      kernel_release: release(),
    };
    report(1, build);
  });
  observe(selfMetrics.probeAttached, (report) => {
    for (const { probe, attached, method } of health.readiness().probes) report(attached ? 1 : 0, { probe, method });
  });
  observe(selfMetrics.otlpExports, (report) => {
    for (const [exporter, counts] of health.exports()) {
      for (const [outcome, count] of Object.entries(counts)) report(count, { exporter, outcome });
    }
  });
  observe(selfMetrics.otlpRejected, (report) => {
    for (const [exporter, count] of health.rejected()) report(count, { exporter });
  });
  observe(selfMetrics.otlpLastSuccess, (report) => {
    for (const [exporter, { seconds }] of health.lastSuccess()) report(seconds, { exporter });
  });
  observe(selfMetrics.collectErrors, (report) => report(health.collectErrors));
  observe(selfMetrics.jobErrors, (report) => {
    for (const [job, count] of health.jobErrors()) report(count, { job_name: job });
  });
}

/** Collections, scrapes, jobs and reloads. */
export function observeService(observe: Observer, health: Health): void {
  observe(selfMetrics.collections, (report) => report(health.collections.count));
  observe(selfMetrics.collectionSeconds, (report) => report(health.collections.us));
  observe(selfMetrics.logLost, (report) => report(standardError.lost));
  observe(selfMetrics.scrapes, (report) => report(health.scrapes.count));
  observe(selfMetrics.scrapeSeconds, (report) => report(health.scrapes.us));
  observe(selfMetrics.reloadSuccessful, (report) => report(health.reload.successful ? 1 : 0));
  observe(selfMetrics.reloadSuccess, (report) => report(health.reload.lastSuccess.seconds));
}

/** Connections and drops. */
export function observeClients(
  observe: Observer,
  clients: { readonly connections: number; readonly dropped: ReadonlyMap<string, number> },
): void {
  observe(selfMetrics.connections, (report) => report(clients.connections));
  observe(selfMetrics.connectionsDropped, (report) => {
    for (const [reason, count] of clients.dropped) report(count, { reason });
  });
}

/** Queued and dropped records of OOM kills by exporter. */
export function observeLogs(
  observe: Observer,
  logs: () => { readonly waiting: ReadonlyMap<string, number>; readonly dropped: ReadonlyMap<string, number> },
): void {
  observe(selfMetrics.otlpQueueLength, (report) => {
    for (const [exporter, count] of logs().waiting) report(count, { exporter });
  });
  observe(selfMetrics.otlpDropped, (report) => {
    for (const [exporter, count] of logs().dropped) report(count, { exporter });
  });
}
