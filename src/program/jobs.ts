/** What is done again and again. A job that throws ends neither itself nor the process. */
import type { Health } from './health.ts';

/**
 * Does `work` every `ms`, one at a time, as long as the process runs otherwise. What it throws is logged by the job's
 * name, counted, and shown in /readyz until it goes well again.
 *
 * @param job what is done, such as `discover containers`: the log says that Floatie cannot
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
