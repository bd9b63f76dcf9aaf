/** What a receiver is: a folder beside this file, whose index.ts declares it, and a line in index.ts here. */
import type { SchemaObj } from 'convict';
import type { Cgroups } from '../containers/cgroups.ts';
import type { CgroupFilter } from '../containers/filter.ts';
import type { Hierarchy } from '../containers/hierarchy.ts';
import type { Identity, IsTask } from '../containers/identity.ts';
import type { Metric } from '../metrics/catalogue.ts';
import type { Observer } from '../metrics/observer.ts';
import type { MetricRegistry } from '../metrics/registry.ts';
import type { Health, ProbeState } from '../program/health.ts';
import type { Logger } from '../program/log.ts';
import type { Records } from '../records/records.ts';
import type { RecordSchema } from '../records/schema.ts';
import type { Checks, Examination } from './checks.ts';
import type { Latencies } from './latencies.ts';

/**
 * The declaration of a receiver, for the configuration, the tables and the doctor. It is pure: it loads neither libbpf
 * nor OpenTelemetry's SDK.
 */
export interface Receiver<Name extends string = string, S = unknown> {
  /** The name in the configuration and at /readyz. */
  readonly name: Name;
  /** Its section of the configuration, `receivers.NAME`. */
  readonly settings: Settings<S>;
  readonly metrics: readonly Metric[];
  /** The compiled BPF objects, such as `oom.bpf.o`. Without any, the receiver needs no permission to use bpf(). */
  readonly programs: readonly string[];
  /** Every kind of record that it makes of single events. */
  readonly records?: readonly RecordSchema[];
  /** Imports what the doctor looks at. */
  checks(): Promise<{ checks(examination: Examination<S>): Checks | Promise<Checks> }>;
  /** Imports what measures. */
  load(): Promise<Implementation<S>>;
}

export type Settings<S> = { readonly [Key in keyof S]: SchemaObj<S[Key]> };

export interface Implementation<S> {
  /** Throws or rejects, with nothing left behind, when nothing can be measured. */
  start(context: Context<S>): Running<S> | Promise<Running<S>>;
  /** Do these settings insist on it, so that Floatie does not start without it? */
  mustStart?(settings: S): boolean;
}

/** What can change without a restart. */
export interface Choice<S> {
  readonly settings: S;
  /** Which cgroups get series; null: all. */
  readonly filter: CgroupFilter | null;
  /** Says whose a cgroup is, by name where that is configured. */
  readonly identifyCgroup: (path: string | null) => Identity;
  readonly isTask: IsTask;
}

export interface Context<S> extends Choice<S> {
  /** The section `kernel` of the configuration. */
  readonly kernel: { readonly cgroup: string; readonly max_map_entries: number; readonly max_threads: number };
  /** Upper bounds in ns on which its histograms are counted, those of all views and exporters among them. */
  readonly boundsNs: readonly number[];
  readonly registry: MetricRegistry;
  readonly health: Health;
  readonly log: Logger;
  readonly hierarchy: Hierarchy;
  /** Of the hierarchy that names containers here. */
  readonly cgroups: Cgroups;
  readonly pidNsInum: number;
  /** Of the cgroup to measure, 0 for all. */
  readonly cgroupId: bigint;
  /** What receivers that time operations tell the others. */
  readonly latencies: Latencies;
  /** Where single events are told. */
  readonly records: Records;
  /** Tells how it is attached, why not by the better methods, and what it does not measure on this kernel. */
  attached(
    method: string,
    refusals: NonNullable<ProbeState['refusals']>,
    unmeasured?: NonNullable<ProbeState['unmeasured']>,
  ): void;
  /** As {@link file://../program/jobs.ts}, until the receiver stops. @returns what ends it before */
  every(ms: number, job: string, work: () => void | Promise<void>): () => void;
}

/** A receiver that runs. */
export interface Running<S> {
  /** Tells of the receiver itself. */
  observe(observer: Observer): void;
  /** Other cgroups get series from now on, or get other names. */
  choose?(choice: Choice<S>): void;
  /** Before the last export: counts what has only just happened. */
  settle?(): void;
  /** Once its jobs have ended. Safe to call twice. */
  stop?(): void;
}

/** The compiled programs of this architecture, among the files that come with Floatie. */
export const OBJECTS = `dist/bpf/${process.arch}`;
