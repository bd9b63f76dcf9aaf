/** Floatie's own state. */
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';
import { type Metric, selfMetrics } from '../metrics/catalogue.ts';
import type { MetricRegistry, Sample } from '../metrics/registry.ts';
import { keyOf } from '../metrics/storage.ts';
import { libbpfVersion } from '../native/index.ts';
import { monotonicMs, Stamp, toHrTime, wallMs } from '../program/clock.ts';
import { maxFds } from '../program/descriptors.ts';
import type { Health } from '../program/health.ts';
import { standardError } from '../program/standard-error.ts';
import { version } from '../program/version.ts';
import { metrics as oomMetrics } from '../receivers/oom/metrics.ts';
import type { OomReceiver } from '../receivers/oom/receiver.ts';
import type { OomReconciliation } from '../receivers/oom/reconciliation.ts';
import type { OomSource } from '../receivers/oom/source.ts';
import type { OverlayfsReceiver } from '../receivers/overlayfs/receiver.ts';
import { metrics as pressureMetrics } from '../receivers/pressure/metrics.ts';
import type { PressureSource } from '../receivers/pressure/source.ts';
import { KernelCostsReader } from './kernel-costs.ts';

/**
 * Measured when a reader collects, in whole parts of the metric's unit where it says how many make one; observing nothing
 * means there is no value. An error fails the collection.
 */
export type Observe = (observe: (value: number, attributes?: Attributes) => void) => void;

/** Takes a metric with what is to be read for it: as an instrument, or as a source beside the kernel's. */
export type Observer = (metric: Metric, read: Observe) => void;

/** Creates the instruments of a program that has a meter of its own. */
export function instrumentsOf(meter: Meter): Observer {
  return (metric, read) => {
    const options = { description: metric.description, unit: metric.unit };
    const instrument =
      metric.kind === 'counter'
        ? meter.createObservableCounter(metric.name, options)
        : meter.createObservableGauge(metric.name, options);
    instrument.addCallback((result: ObservableResult) =>
      read((value, attributes) => result.observe(value / (metric.perUnit ?? 1), attributes)),
    );
  };
}

/**
 * Adds what is observed to the kernel's series, which outlive a change of exporters and views: instruments of the SDK
 * belong to one MeterProvider, and begin anew with the next.
 */
export function sourcesOf(kernel: MetricRegistry): Observer {
  const startTime = toHrTime(wallMs());
  return (metric, read) => {
    kernel.addSource({
      metrics: [metric],
      read() {
        const samples: Sample[] = [];
        read((value, attributes = {}) => {
          const member = { key: keyOf(attributes), attributes, startTime, totals: Float64Array.of(value) };
          samples.push({ metric, member });
        });
        return samples;
      },
    });
  };
}

/** The process_* metrics, under the names Prometheus' own clients use. */
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

/** Timers that are this far apart, in ms, tell how late they are: seldom enough to cost nothing. */
const DELAY_RESOLUTION_MS = 50;
/** How far back the delays go, in ms, at least. */
const DELAY_WINDOW_MS = 10_000;

/** How late the event loop is. @returns what ends the measuring */
export function observeEventLoop(observe: Observer): () => void {
  const delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delays.enable();
  let sinceMs = monotonicMs();
  observe(selfMetrics.eventLoopDelay, (report) => {
    // What is measured is the time between two timers.
    const seconds = (ns: number): number => Math.max(0, ns / 1e9 - DELAY_RESOLUTION_MS / 1000);
    if (delays.count > 0) {
      report(seconds(delays.percentile(99)), { statistic: 'p99' });
      report(seconds(delays.max), { statistic: 'max' });
    }
    if (monotonicMs() - sinceMs < DELAY_WINDOW_MS) return;
    delays.reset();
    sinceMs = monotonicMs();
  });
  return () => delays.disable();
}

/** What the kernel spends on Floatie. */
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

/** What is running, and what is attached. */
export function observeSelf(observe: Observer, health: Health): void {
  const build = {
    version,
    node_version: process.version,
    libbpf_version: libbpfVersion(),
    kernel_release: release(),
  };
  observe(selfMetrics.buildInfo, (report) => report(1, build));
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

/** How the service does its work. */
export function observeService(observe: Observer, health: Health): void {
  observe(selfMetrics.collections, (report) => report(health.collections.count));
  observe(selfMetrics.collectionSeconds, (report) => report(health.collections.us));
  observe(selfMetrics.logLost, (report) => report(standardError.lost));
  observe(selfMetrics.scrapes, (report) => report(health.scrapes.count));
  observe(selfMetrics.scrapeSeconds, (report) => report(health.scrapes.us));
  observe(selfMetrics.reloadSuccessful, (report) => report(health.reload.successful ? 1 : 0));
  observe(selfMetrics.reloadSuccess, (report) => report(health.reload.lastSuccess.seconds));
}

/** Who is connected, and who was turned away. */
export function observeClients(
  observe: Observer,
  clients: { readonly connections: number; readonly dropped: ReadonlyMap<string, number> },
): void {
  observe(selfMetrics.connections, (report) => report(clients.connections));
  observe(selfMetrics.connectionsDropped, (report) => {
    for (const [reason, count] of clients.dropped) report(count, { reason });
  });
}

/** What the overlayfs probe could not measure, or not apart. */
export function observeOverlayfs(observe: Observer, receiver: OverlayfsReceiver): void {
  const probe = 'overlayfs';
  observe(selfMetrics.probeMisses, (report) => {
    for (const [reason, count] of Object.entries(receiver.misses())) report(count, { probe, reason });
  });
  observe(selfMetrics.seriesOverflow, (report) => report(receiver.overflowed(), { probe }));
  observe(selfMetrics.mapEntries, (report) => report(receiver.usedEntries(), { probe }));
  observe(selfMetrics.threadsTracked, (report) => {
    const threads = receiver.threads();
    if (threads !== null) report(threads, { probe });
  });
}

/** How many records of OOM kills wait for each exporter, and how many were given up. */
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

/** What the OOM probe lost the details of, could not see, or did not see. */
export function observeOom(
  observe: Observer,
  receiver: OomReceiver,
  source: OomSource,
  reconciliation: OomReconciliation,
): void {
  observe(selfMetrics.seriesOverflow, (report) => report(source.folded, { probe: 'oom' }));
  observe(oomMetrics.reconcileDifference, (report) => {
    for (const [source, difference] of Object.entries(reconciliation.differences())) report(difference, { source });
  });
  observe(selfMetrics.eventsLost, (report) => {
    const { lost, cut, corrupted } = receiver.counts();
    report(lost + cut + corrupted, { probe: 'oom' });
  });
  observe(selfMetrics.probeMisses, (report) => {
    for (const [reason, count] of Object.entries(receiver.misses())) report(count, { probe: 'oom', reason });
  });
}

/** Why there is no pressure, where there is none, and how many containers have no room. */
export function observePressure(observe: Observer, source: PressureSource): void {
  observe(pressureMetrics.unavailable, (report) => {
    if (source.problem !== null) report(1, { reason: source.problem });
  });
  observe(pressureMetrics.leftOut, (report) => report(source.leftOut));
}
