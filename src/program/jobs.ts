/** Periodic jobs. A run that throws stops neither the job nor the process. */
import { monotonicMs } from './clock.ts';
import type { Health } from './health.ts';
import { inSteps } from './steps.ts';

/** Jobs that are due within this time run together, in ms: waking up costs more than most of them. */
const SLACK_MS = 50;
/** How long jobs run as often as they ask for after an event, in ms: what it began has to be followed, such as a search. */
const BUSY_MS = 2000;

interface Job {
  readonly everyMs: number;
  readonly restMs: number;
  readonly run: () => Promise<void>;
  ranMs: number;
  dueMs: number;
}

/** Does not keep the process alive. */
export class Jobs {
  readonly #health: Health;
  readonly #slackMs: number;
  readonly #busyMs: number;
  readonly #jobs = new Set<Job>();
  /** Until when they run as often as they ask for. */
  #busyUntilMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer ends. */
  #wakesMs = Number.POSITIVE_INFINITY;

  constructor(health: Health, slackMs = SLACK_MS, busyMs = BUSY_MS) {
    this.#health = health;
    this.#slackMs = slackMs;
    this.#busyMs = busyMs;
  }

  /**
   * Runs `work` every `ms`, unless the previous run is under way. A run that throws is logged and counted, and /readyz
   * lists the job until a run succeeds.
   *
   * @param job the work as a verb, such as `discover containers`: the log says "Cannot discover containers"
   * @param restMs how seldom it may run while nothing happens: see {@link rest}
   * @returns ends the job; safe to call twice
   */
  every(ms: number, job: string, work: () => void | Promise<void>, restMs = ms): () => void {
    const ranMs = monotonicMs();
    const entry = { everyMs: ms, restMs, run: guarded(job, work, this.#health), ranMs, dueMs: next(ms, ranMs) };
    this.#jobs.add(entry);
    this.#setTimer();
    return () => {
      this.#jobs.delete(entry);
      if (this.#jobs.size === 0) this.#clearTimer();
    };
  }

  /** From now on somebody calls {@link hurry} when something happens. */
  rest(): void {
    this.#busyUntilMs = monotonicMs() + this.#busyMs;
  }

  /** Something happened, or more is left to do: no job rests for a while. Costs little when called often. */
  hurry(): void {
    if (this.#busyUntilMs === Number.POSITIVE_INFINITY) return;
    const nowMs = monotonicMs();
    this.#busyUntilMs = nowMs + this.#busyMs;
    for (const job of this.#jobs) {
      if (job.restMs > job.everyMs) job.dueMs = Math.min(job.dueMs, Math.max(nowMs, job.ranMs + job.everyMs));
    }
    this.#setTimer();
  }

  /** Nobody calls {@link hurry} any more. */
  goOn(): void {
    this.hurry();
    this.#busyUntilMs = Number.POSITIVE_INFINITY;
  }

  #setTimer(): void {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const job of this.#jobs) dueMs = Math.min(dueMs, job.dueMs);
    if (dueMs >= this.#wakesMs) return;
    this.#clearTimer();
    this.#wakesMs = dueMs;
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, dueMs - monotonicMs())).unref();
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#wakesMs = Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    const nowMs = monotonicMs();
    this.#health.woke(nowMs - this.#wakesMs);
    this.#wakesMs = Number.POSITIVE_INFINITY;
    const due = [...this.#jobs].filter(({ dueMs }) => dueMs <= nowMs + this.#slackMs);
    for (const job of due) {
      job.ranMs = nowMs;
      job.dueMs = next(nowMs < this.#busyUntilMs ? job.everyMs : job.restMs, Math.max(nowMs, job.dueMs));
    }
    this.#setTimer();
    // Everything else has its turn in between.
    void inSteps(this.#running(due));
  }

  *#running(due: readonly Job[]): Generator<void> {
    for (const job of due) {
      // Another one may have ended it.
      if (this.#jobs.has(job)) void job.run();
      yield;
    }
  }
}

/** The next multiple of an interval: then jobs are due together. */
function next(everyMs: number, nowMs: number): number {
  return (Math.floor(nowMs / everyMs) + 1) * everyMs;
}

function guarded(job: string, work: () => void | Promise<void>, health: Health): () => Promise<void> {
  let isUnderWay = false;
  return async () => {
    if (isUnderWay) return;
    isUnderWay = true;
    try {
      await work();
      health.jobEnded(job);
    } catch (thrown) {
      health.jobFailed(job, thrown);
    } finally {
      isUnderWay = false;
    }
  };
}
