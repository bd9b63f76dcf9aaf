/** Periodic jobs. A run that throws stops neither the job nor the process. */
import { monotonicMs } from './clock.ts';
import type { Health } from './health.ts';

/** Jobs that are due within this time run together, in ms: waking up costs more than most of them. */
const SLACK_MS = 50;

interface Job {
  readonly everyMs: number;
  readonly run: () => Promise<void>;
  dueMs: number;
}

/** Does not keep the process alive. */
export class Jobs {
  readonly #health: Health;
  readonly #slackMs: number;
  readonly #jobs = new Set<Job>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer ends. */
  #wakesMs = Number.POSITIVE_INFINITY;

  constructor(health: Health, slackMs = SLACK_MS) {
    this.#health = health;
    this.#slackMs = slackMs;
  }

  /**
   * Runs `work` every `ms`, unless the previous run is under way. A run that throws is logged and counted, and /readyz
   * lists the job until a run succeeds.
   *
   * @param job the work as a verb, such as `discover containers`: the log says "Cannot discover containers"
   * @returns ends the job; safe to call twice
   */
  every(ms: number, job: string, work: () => void | Promise<void>): () => void {
    const entry = { everyMs: ms, run: guarded(job, work, this.#health), dueMs: monotonicMs() + ms };
    this.#jobs.add(entry);
    this.#setTimer();
    return () => {
      this.#jobs.delete(entry);
      if (this.#jobs.size === 0) this.#clearTimer();
    };
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
    for (const job of this.#jobs) {
      if (job.dueMs > nowMs + this.#slackMs) continue;
      job.dueMs = nowMs + job.everyMs;
      void job.run();
    }
    this.#setTimer();
  }
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
