/** Floatie's own state as OpenTelemetry instruments. */
import { readdirSync } from 'node:fs';
import { release } from 'node:os';
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';
import type { Health } from '../health.ts';
import { libbpfVersion } from '../libbpf/index.ts';
import type { OverlayfsReceiver } from '../receivers/overlayfs.ts';
import { version } from '../version.ts';
import { type Metric, selfMetrics } from './catalogue.ts';

/** Measured when a reader collects. Throwing, or observing nothing, means there is no value. */
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

/** What is running, what is attached, and what it missed. */
export function observeSelf(meter: Meter, receiver: OverlayfsReceiver, health: Health): void {
  const probe = 'overlayfs';
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
  observe(meter, selfMetrics.probeMisses, (report) => {
    for (const [reason, count] of Object.entries(receiver.misses())) report(count, { probe, reason });
  });
  observe(meter, selfMetrics.seriesOverflow, (report) => report(receiver.overflowed(), { probe }));
  observe(meter, selfMetrics.mapEntries, (report) => report(receiver.usedEntries(), { probe }));
  observe(meter, selfMetrics.collectErrors, (report) => report(health.collectErrors));
}
