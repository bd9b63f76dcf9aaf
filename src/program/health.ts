/** Floatie's own state: how probes are attached, which jobs and exports fail, how long collections and scrapes take. */
import { createHistogram } from 'node:perf_hooks';
import { Stamp } from './clock.ts';
import { type LimitedLogger, type Logger, withoutRepetition } from './log.ts';
import { reasonOf } from './reason.ts';

export interface ProbeState {
  readonly probe: string;
  readonly attached: boolean;
  /** The way to attach; `none` while the probe is not attached. */
  readonly method: string;
  /** Why it is not attached. */
  readonly reason?: string;
  /** The preferred methods, and why each of them failed. */
  readonly refusals?: readonly { readonly method: string; readonly reason: string }[];
  /** What it does not measure although it is attached, and why. */
  readonly unmeasured?: readonly Unmeasured[];
  /** What it measures in part, and what it leaves out. */
  readonly partly?: readonly Unmeasured[];
}

/** Operations that are not measured, or not all of them, for one reason. */
export interface Unmeasured {
  readonly ops: readonly string[];
  readonly reason: string;
}

export type Gaps = Pick<ProbeState, 'unmeasured' | 'partly'>;

/** Such as `stat, lookup: no such function; fault: not seen`. */
export function unmeasuredText(unmeasured: readonly Unmeasured[]): string {
  return unmeasured.map(({ ops, reason }) => `${ops.join(', ')}: ${reason}`).join('; ');
}

/** A periodic job whose last run threw. */
export interface FailingJob {
  readonly job: string;
  readonly reason: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly probes: readonly ProbeState[];
  /** Absent while no job fails. */
  readonly failing?: readonly FailingJob[];
}

export interface ExportCounts {
  success: number;
  /** Exports that the endpoint accepted but for some of their data. */
  partial: number;
  failure: number;
}

/** An endpoint's answer to an export that it accepted. */
export interface Verdict {
  /** The number of data points or records in the export, and the number of them that the endpoint rejects. */
  readonly sent: number;
  readonly rejected: number;
  /** The endpoint's words, in one line of bounded length; may be empty. */
  readonly message: string;
}

export class Health {
  readonly #log: LimitedLogger;
  readonly #probes = new Map<string, ProbeState>();
  /** The number of collections, and the sum of their durations in µs. */
  readonly collections = { count: 0, us: 0 };
  readonly scrapes = { count: 0, us: 0 };
  /** How late timers were, in ns. */
  readonly delays = createHistogram();
  #isStarting = false;
  #isIdle = false;
  #collectErrors = 0;
  /** The reason by job. */
  readonly #failing = new Map<string, string>();
  readonly #jobErrors = new Map<string, number>();
  readonly #exports = new Map<string, ExportCounts>();
  readonly #failingExports = new Set<string>();
  readonly #lastSuccess = new Map<string, Stamp>();
  readonly #rejected = new Map<string, number>();
  /** Floatie only starts with a valid configuration, so the start counts as a successful reload. */
  #reload = { successful: true, lastSuccess: new Stamp() };

  constructor(log: Logger) {
    this.#log = withoutRepetition(log);
  }

  /** Collections of which at least a part failed. */
  get collectErrors(): number {
    return this.#collectErrors;
  }

  /** Says that the receivers of these probes are being started: until {@link started}, Floatie is not ready. */
  starting(probes: readonly string[]): void {
    this.#isStarting = true;
    for (const probe of probes) this.failed(probe, 'it is being started');
  }

  started(): void {
    this.#isStarting = false;
  }

  /** Says that no receiver is configured, so that Floatie is ready without a probe. */
  idle(): void {
    this.#isIdle = true;
  }

  attached(probe: string, method: string, refusals: NonNullable<ProbeState['refusals']> = [], gaps: Gaps = {}): void {
    this.#probes.set(probe, {
      probe,
      attached: true,
      method,
      ...(refusals.length > 0 && { refusals }),
      ...gaps,
    });
  }

  isAttached(probe: string): boolean {
    return this.#probes.get(probe)?.attached ?? false;
  }

  /** @param reason why the probe is not attached, for people */
  failed(probe: string, reason: string, refusals: NonNullable<ProbeState['refusals']> = []): void {
    this.#probes.set(probe, {
      probe,
      attached: false,
      method: 'none',
      reason,
      ...(refusals.length > 0 && { refusals }),
    });
  }

  /** @param thrown any value that the job threw */
  jobFailed(job: string, thrown: unknown): void {
    const reason = reasonOf(thrown);
    this.#failing.set(job, reason);
    this.#jobErrors.set(job, (this.#jobErrors.get(job) ?? 0) + 1);
    this.#log.error(`Cannot ${job}: ${reason}`);
  }

  jobEnded(job: string): void {
    if (this.#failing.delete(job) && this.#log.forget(`Cannot ${job}`)) this.#log.info(`Can ${job} again`);
  }

  /** The number of failed runs by job. A job that never failed is absent. */
  jobErrors(): ReadonlyMap<string, number> {
    return this.#jobErrors;
  }

  /** @param lateMs how long after its time a timer ended */
  woke(lateMs: number): void {
    this.delays.record(Math.max(1, Math.round(lateMs * 1e6)));
  }

  /** Counts a collection, failed or not. */
  collected(ms: number): void {
    this.collections.count++;
    this.collections.us += Math.round(ms * 1000);
  }

  scraped(ms: number): void {
    this.scrapes.count++;
    this.scrapes.us += Math.round(ms * 1000);
  }

  collectFailed(error: unknown): void {
    this.#collectErrors++;
    this.#log.error(`Cannot collect: ${reasonOf(error)}`);
  }

  /** Counts an export. @param verdict the endpoint's answer, where it has a warning or rejects data */
  exported(exporter: string, error: Error | null, verdict?: Verdict): void {
    const counts = this.#exports.get(exporter) ?? { success: 0, partial: 0, failure: 0 };
    this.#exports.set(exporter, counts);
    const what = `Cannot export by ${exporter}`;
    if (error !== null) {
      counts.failure++;
      this.#failingExports.add(exporter);
      this.#log.error(`${what}: ${reasonOf(error)}`, { failures: counts.failure });
      return;
    }
    this.#failingExports.delete(exporter);
    const { rejected = 0, sent = 0, message = '' } = verdict ?? {};
    const words = message === '' ? 'without a reason' : message;
    if (verdict !== undefined && rejected === 0) this.#log.warn(`The endpoint of ${exporter} has a warning: ${words}`);
    if (rejected > 0) this.#log.warn(`The endpoint of ${exporter} rejects data: ${words}`, { rejected, of: sent });
    counts[rejected > 0 ? 'partial' : 'success']++;
    this.#rejected.set(exporter, (this.#rejected.get(exporter) ?? 0) + rejected);
    // An export whose whole data is rejected is no success.
    if (rejected > 0 && rejected >= sent) return;
    this.#lastSuccess.set(exporter, new Stamp());
    if (this.#log.forget(what)) this.#log.info(`Exporting by ${exporter} again`);
  }

  /** Logs that changed certificates are used or, with problems, that the previous ones stay in use. */
  renewed(exporter: string, problems: readonly string[]): void {
    const what = `Cannot use the renewed certificates of ${exporter}, and keep those before`;
    if (problems.length > 0) this.#log.error(`${what}: ${problems.join('; ')}`);
    else {
      const used = `Using the renewed certificates of ${exporter}`;
      for (const kind of [what, used]) this.#log.forget(kind);
      this.#log.info(used);
    }
  }

  /** The number of rejected data points and records in accepted exports, by exporter. */
  rejected(): ReadonlyMap<string, number> {
    return this.#rejected;
  }

  isFailing(exporter: string): boolean {
    return this.#failingExports.has(exporter);
  }

  /** By exporter. */
  exports(): ReadonlyMap<string, Readonly<ExportCounts>> {
    return this.#exports;
  }

  /** The time of the last successful export, by exporter. */
  lastSuccess(): ReadonlyMap<string, Stamp> {
    return this.#lastSuccess;
  }

  readiness(): Readiness {
    const probes = [...this.#probes.values()];
    const failing = Array.from(this.#failing, ([job, reason]) => ({ job, reason }));
    const ready = !this.#isStarting && (this.#isIdle || probes.some(({ attached }) => attached));
    return { ready, probes, ...(failing.length > 0 && { failing }) };
  }

  reloaded(successful: boolean): void {
    this.#reload = { successful, lastSuccess: successful ? new Stamp() : this.#reload.lastSuccess };
  }

  get reload(): { readonly successful: boolean; readonly lastSuccess: Stamp } {
    return this.#reload;
  }

  /** Such as `overlayfs by fentry, oom not attached`. */
  summary(): string {
    const told = [...this.#probes.values()].map(({ probe, attached, method }) =>
      attached ? `${probe} by ${method}` : `${probe} not attached`,
    );
    return told.join(', ');
  }
}
