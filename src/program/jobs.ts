/** Periodic jobs. A run that throws stops neither the job nor the process. */
import type { Health } from './health.ts';

/**
 * Runs `work` every `ms`, unless the previous run is under way; does not keep the process alive. A run that throws is
 * logged and counted, and /readyz lists the job until a run succeeds.
 *
 * @param job the work as a verb, such as `discover containers`: the log says "Cannot discover containers"
 */
export function every(ms: number, job: string, work: () => void | Promise<void>, health: Health): NodeJS.Timeout {
  let isUnderWay = false;
  const once = async (): Promise<void> => {
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
  return setInterval(() => void once(), ms).unref();
}
