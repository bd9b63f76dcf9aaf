/** Periodic jobs. A run that throws stops neither the job nor the process. */
import { monotonicMs } from './clock.ts';
import type { Health } from './health.ts';

/** Jobs run together at multiples of this, in ms: waking up costs more than most of them. */
const TICK_MS = 100;

interface Job {
  readonly everyMs: number;
  readonly run: () => Promise<void>;
  dueMs: number;
}

/** Does not keep the process alive. */
export class Jobs {
  readonly #health: Health;
  readonly #tickMs: number;
  readonly #jobs = new Set<Job>();
  #timer: NodeJS.Timeout | undefined;

  constructor(health: Health, tickMs = TICK_MS) {
    this.#health = health;
    this.#tickMs = tickMs;
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
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
    return () => {
      this.#jobs.delete(entry);
      if (this.#jobs.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #tick(): void {
    const nowMs = monotonicMs();
    for (const job of this.#jobs) {
      // The nearest tick counts, else one that is early by a moment would make every job late.
      if (job.dueMs > nowMs + this.#tickMs / 2) continue;
      job.dueMs = nowMs + job.everyMs;
      void job.run();
    }
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
