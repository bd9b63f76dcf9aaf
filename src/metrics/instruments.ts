/** Floatie's own state as OpenTelemetry instruments. */
import { readdirSync } from 'node:fs';
import { release } from 'node:os';
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';
import type { Health } from '../health.ts';
import { libbpfVersion } from '../libbpf/index.ts';
import type { OomReceiver } from '../receivers/oom.ts';
import type { OverlayfsReceiver } from '../receivers/overlayfs.ts';
import { version } from '../version.ts';
import { type Metric, selfMetrics } from './catalogue.ts';
import type { OomReconciliation } from './oom-reconciliation.ts';
import type { PressureSource } from './pressure.ts';

/** Measured when a reader collects; observing nothing means there is no value. An error fails the collection. */
export type Observe = (observe: (value: number, attributes?: Attributes) => void) => void;

/** Creates the instrument of a catalogue entry, observed at every collection. */
export function observe(meter: Meter, metric: Metric, read: Observe): void {
  const options = { description: metric.description, unit: metric.unit };
  const instrument =
    metric.kind === 'counter'
      ? meter.createObservableCounter(metric.name, options)
      : meter.createObservableGauge(metric.name, options);
  instrument.addCallback((result: ObservableResult) => read((value, attributes) => result.observe(value, attributes)));
}

/** The process_* metrics, under the names Prometheus' own clients use. */
export function observeProcess(meter: Meter): void {
  const startedS = Date.now() / 1000 - process.uptime();
  observe(meter, selfMetrics.startTime, (report) => report(startedS));
  observe(meter, selfMetrics.residentMemory, (report) => report(process.memoryUsage.rss()));
  observe(meter, selfMetrics.openFds, (report) => report(readdirSync('/proc/self/fd').length));
  observe(meter, selfMetrics.cpuSeconds, (report) => {
    const { user, system } = process.cpuUsage();
    report((user + system) / 1e6);
  });
}

/** What is running, and what is attached. */
export function observeSelf(meter: Meter, health: Health): void {
  const build = {
    version,
    node_version: process.version,
    libbpf_version: libbpfVersion(),
    kernel_release: release(),
  };
  observe(meter, selfMetrics.buildInfo, (report) => report(1, build));
  observe(meter, selfMetrics.probeAttached, (report) => {
    for (const { probe, attached, method } of health.readiness().probes) report(attached ? 1 : 0, { probe, method });
  });
  observe(meter, selfMetrics.otlpExports, (report) => {
    for (const [exporter, { success, failure }] of health.exports()) {
      report(success, { exporter, outcome: 'success' });
      report(failure, { exporter, outcome: 'failure' });
    }
  });
  observe(meter, selfMetrics.otlpLastSuccess, (report) => {
    for (const [exporter, ms] of health.lastSuccessMs()) report(ms / 1000, { exporter });
  });
  observe(meter, selfMetrics.collectErrors, (report) => report(health.collectErrors));
}

/** What the overlayfs probe could not measure, or not apart. */
export function observeOverlayfs(meter: Meter, receiver: OverlayfsReceiver): void {
  const probe = 'overlayfs';
  observe(meter, selfMetrics.probeMisses, (report) => {
    for (const [reason, count] of Object.entries(receiver.misses())) report(count, { probe, reason });
  });
  observe(meter, selfMetrics.seriesOverflow, (report) => report(receiver.overflowed(), { probe }));
  observe(meter, selfMetrics.mapEntries, (report) => report(receiver.usedEntries(), { probe }));
}

/** What the exporter of OOM records gave up. */
export function observeLogs(meter: Meter, logs: { dropped(): number }): void {
  observe(meter, selfMetrics.otlpDropped, (report) => report(logs.dropped()));
}

/** What the OOM probe lost the details of, could not see, or did not see. */
export function observeOom(meter: Meter, receiver: OomReceiver, reconciliation: OomReconciliation): void {
  observe(meter, selfMetrics.oomReconcileDifference, (report) => {
    for (const [source, difference] of Object.entries(reconciliation.differences())) report(difference, { source });
  });
  observe(meter, selfMetrics.eventsLost, (report) => {
    const { lost, corrupted } = receiver.counts();
    report(lost + corrupted, { probe: 'oom' });
  });
  observe(meter, selfMetrics.probeMisses, (report) => {
    for (const [reason, count] of Object.entries(receiver.misses())) report(count, { probe: 'oom', reason });
  });
}

/** Why there is no pressure, where there is none. */
export function observePressure(meter: Meter, source: PressureSource): void {
  observe(meter, selfMetrics.pressureUnavailable, (report) => {
    if (source.problem !== null) report(1, { reason: source.problem });
  });
}
