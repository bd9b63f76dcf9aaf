/** What Floatie knows of its own state: which probe is attached and how, and what went wrong. */
import { Stamp } from './clock.ts';
import { type LimitedLogger, type Logger, withoutRepetition } from './log.ts';
import { reasonOf } from './reason.ts';

export interface ProbeState {
  readonly probe: string;
  readonly attached: boolean;
  /** How it is attached; `none` while it is not. */
  readonly method: string;
  /** Why it is not attached. */
  readonly reason?: string;
  /** The better methods, and why it is not attached by them. */
  readonly refusals?: readonly { readonly method: string; readonly reason: string }[];
}

/** What is done again and again, and threw the last time. */
export interface FailingJob {
  readonly job: string;
  readonly reason: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly probes: readonly ProbeState[];
  /** Absent while there are none. */
  readonly failing?: readonly FailingJob[];
}

export interface ExportCounts {
  success: number;
  /** The endpoint took the export, and rejected some of what was in it. */
  partial: number;
  failure: number;
}

/** What an endpoint says of an export that it took. */
export interface Verdict {
  /** How many data points or records the export had, and how many of them the endpoint rejects. */
  readonly sent: number;
  readonly rejected: number;
  /** The endpoint's words, in one line of bounded length; may be empty. */
  readonly message: string;
}

export class Health {
  readonly #log: LimitedLogger;
  readonly #probes = new Map<string, ProbeState>();
  /** How many there were, and how long they took, in whole µs. */
  readonly collections = { count: 0, us: 0 };
  readonly scrapes = { count: 0, us: 0 };
  #isIdle = false;
  #collectErrors = 0;
  /** By job. */
  readonly #failing = new Map<string, string>();
  readonly #jobErrors = new Map<string, number>();
  readonly #exports = new Map<string, ExportCounts>();
  readonly #failingExports = new Set<string>();
  readonly #lastSuccess = new Map<string, Stamp>();
  readonly #rejected = new Map<string, number>();
  /** It was loaded well once, or nothing would run. */
  #reload = { successful: true, lastSuccess: new Stamp() };

  constructor(log: Logger) {
    this.#log = withoutRepetition(log);
  }

  /** Collections that failed, whole or in part. */
  get collectErrors(): number {
    return this.#collectErrors;
  }

  /** There is nothing to attach, and nothing to wait for. */
  idle(): void {
    this.#isIdle = true;
  }

  attached(probe: string, method: string, refusals: NonNullable<ProbeState['refusals']> = []): void {
    this.#probes.set(probe, { probe, attached: true, method, ...(refusals.length > 0 && { refusals }) });
  }

  /** The probe is not attached; `reason` is for people. */
  failed(probe: string, reason: string, refusals: NonNullable<ProbeState['refusals']> = []): void {
    this.#probes.set(probe, {
      probe,
      attached: false,
      method: 'none',
      reason,
      ...(refusals.length > 0 && { refusals }),
    });
  }

  /** A job threw whatever it was. */
  jobFailed(job: string, thrown: unknown): void {
    const reason = reasonOf(thrown);
    this.#failing.set(job, reason);
    this.#jobErrors.set(job, (this.#jobErrors.get(job) ?? 0) + 1);
    this.#log.error(`Cannot ${job}: ${reason}`);
  }

  /** A job went well. */
  jobEnded(job: string): void {
    if (this.#failing.delete(job) && this.#log.forget(`Cannot ${job}`)) this.#log.info(`Can ${job} again`);
  }

  /** How often each job threw, by job; those that never did are not there. */
  jobErrors(): ReadonlyMap<string, number> {
    return this.#jobErrors;
  }

  /** A collection ended, well or not. */
  collected(ms: number): void {
    this.collections.count++;
    this.collections.us += Math.round(ms * 1000);
  }

  /** A scrape was answered. */
  scraped(ms: number): void {
    this.scrapes.count++;
    this.scrapes.us += Math.round(ms * 1000);
  }

  collectFailed(error: unknown): void {
    this.#collectErrors++;
    this.#log.error(`Cannot collect: ${reasonOf(error)}`);
  }

  /** An export ended: well, with something to say, or with an error. */
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
    // What rejects everything has taken nothing.
    if (rejected > 0 && rejected >= sent) return;
    this.#lastSuccess.set(exporter, new Stamp());
    if (this.#log.forget(what)) this.#log.info(`Exporting by ${exporter} again`);
  }

  /** Files of certificates changed: they are used, or those before are kept for these problems. */
  renewed(exporter: string, problems: readonly string[]): void {
    const what = `Cannot use the renewed certificates of ${exporter}, and keep those before`;
    if (problems.length > 0) this.#log.error(`${what}: ${problems.join('; ')}`);
    else {
      const used = `Using the renewed certificates of ${exporter}`;
      for (const kind of [what, used]) this.#log.forget(kind);
      this.#log.info(used);
    }
  }

  /** Data points and records that endpoints rejected of exports that they took, by exporter. */
  rejected(): ReadonlyMap<string, number> {
    return this.#rejected;
  }

  /** Whether the last export failed. */
  isFailing(exporter: string): boolean {
    return this.#failingExports.has(exporter);
  }

  /** By exporter. */
  exports(): ReadonlyMap<string, Readonly<ExportCounts>> {
    return this.#exports;
  }

  /** When an export last went well, by exporter. */
  lastSuccess(): ReadonlyMap<string, Stamp> {
    return this.#lastSuccess;
  }

  readiness(): Readiness {
    const probes = [...this.#probes.values()];
    const failing = Array.from(this.#failing, ([job, reason]) => ({ job, reason }));
    const ready = this.#isIdle || probes.some(({ attached }) => attached);
    return { ready, probes, ...(failing.length > 0 && { failing }) };
  }

  /** The configuration was asked for again, and is used or not. */
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
