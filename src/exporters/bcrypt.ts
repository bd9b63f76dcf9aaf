/** Compares with bcrypt in a thread of its own: that takes a tenth of a second or more, by design. */
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';

interface Job {
  readonly password: string;
  readonly hash: string;
}

export async function matchesHash(password: string, hash: string): Promise<boolean> {
  const bcryptJob: Job = { password, hash };
  const worker = new Worker(new URL(import.meta.url), { workerData: { bcryptJob } });
  const [matches] = await once(worker, 'message');
  return matches;
}

const job: Job | undefined = workerData?.bcryptJob;
if (job !== undefined) {
  const { compareSync } = await import('bcryptjs');
  parentPort?.postMessage(compareSync(job.password, job.hash));
}
