/** What a receiver is: a folder beside this file, whose index.ts declares it, and a line in index.ts here. */
import type { SchemaObj } from 'convict';
import type { Cgroups } from '../containers/cgroups.ts';
import type { CgroupFilter } from '../containers/filter.ts';
import type { Hierarchy } from '../containers/hierarchy.ts';
import type { Identity, IsTask } from '../containers/identity.ts';
import type { History } from '../history/history.ts';
import type { Metric } from '../metrics/catalogue.ts';
import type { Observer } from '../metrics/observer.ts';
import type { MetricRegistry } from '../metrics/registry.ts';
import type { RingBuffer } from '../native/index.ts';
import type { Gaps, Health, ProbeState } from '../program/health.ts';
import type { Logger } from '../program/log.ts';
import type { Records } from '../records/records.ts';
import type { RecordSchema } from '../records/schema.ts';
import type { Checks, Examination } from './checks.ts';
import type { FileBudget } from './file-budget.ts';
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
  /** Imports the checks of `floatie doctor`. */
  checks(): Promise<{ checks(examination: Examination<S>): Checks | Promise<Checks> }>;
  /** Imports the code that measures. */
  load(): Promise<Implementation<S>>;
}

export type Settings<S> = { readonly [Key in keyof S]: SchemaObj<S[Key]> };

export interface Implementation<S> {
  /** Throws or rejects when the receiver can measure nothing, and leaves nothing behind then. */
  start(context: Context<S>): Running<S> | Promise<Running<S>>;
  /** Whether Floatie must not start without this receiver. */
  mustStart?(settings: S): boolean;
}

/** The settings that can change without a restart. */
export interface Choice<S> {
  readonly settings: S;
  /** The cgroups with series; null: all. */
  readonly filter: CgroupFilter | null;
  /** The owner of a cgroup, with names if they are configured. */
  readonly identifyCgroup: (path: string | null) => Identity;
  readonly isTask: IsTask;
}

export interface Context<S> extends Choice<S> {
  /** The section `kernel` of the configuration. */
  readonly kernel: { readonly cgroup: string; readonly max_map_entries: number; readonly max_threads: number };
  /** The upper bounds of the buckets in the kernel, in ns: those of every view and exporter. */
  readonly boundsNs: readonly number[];
  readonly registry: MetricRegistry;
  readonly health: Health;
  readonly log: Logger;
  readonly hierarchy: Hierarchy;
  /** The cgroups of the hierarchy that names containers. */
  readonly cgroups: Cgroups;
  readonly pidNsInum: number;
  /** The id of the cgroup to measure; 0: all. */
  readonly cgroupId: bigint;
  /** The recent latencies of all receivers. */
  readonly latencies: Latencies;
  /** Keeps the last minutes of each container; null where that is off. */
  readonly history: History | null;
  /** Of files that are read unasked: of a container, or of its processes. */
  readonly files: FileBudget;
  /** Takes the records of single events. */
  readonly records: Records;
  /** Logs how the receiver is attached, and shows it at /readyz. */
  attached(method: string, refusals: NonNullable<ProbeState['refusals']>, gaps?: Gaps): void;
  /** Runs a job until the receiver stops. See `Jobs` in program/jobs.ts. @returns ends the job before */
  every(ms: number, job: string, work: () => void | Promise<void>, restMs?: number): () => void;
  /** Lets jobs with a `restMs` run at once when the kernel writes into a ring buffer, until the receiver stops. */
  wakeBy(ring: RingBuffer): void;
  /** More is left to do for jobs with a `restMs`. */
  hurry(): void;
}

/** A receiver that runs. */
export interface Running<S> {
  /** Adds the metrics about the receiver itself. */
  observe?(observer: Observer): void;
  /** Applies the settings of a reload. */
  choose?(choice: Choice<S>): void;
  /** Before the last export: counts the events of the last moment. */
  settle?(): void;
  /** Called when its jobs have ended. Safe to call twice. */
  stop?(): void;
}

/** How often jobs look for events, in ms, and how seldom while nothing happens. */
export const EVENTS_MS = 100;
export const NO_EVENTS_MS = 1000;

/** The folder of the compiled BPF objects for this architecture. */
export const OBJECTS = `dist/bpf/${process.arch}`;
