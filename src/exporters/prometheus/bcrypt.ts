/** Compares passwords with bcrypt in a worker thread, since a comparison takes 0.1 s or more by design. */
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { isSingle, readPackaged } from '../../program/packaged.ts';

interface Job {
  readonly password: string;
  readonly hash: string;
}

export async function matchesHash(password: string, hash: string): Promise<boolean> {
  const bcryptJob: Job = { password, hash };
  const worker = isSingle
    ? new Worker(readPackaged('dist/exporters/bcrypt.js'), { eval: true, workerData: { bcryptJob } })
    : new Worker(import.meta.filename, { workerData: { bcryptJob } });
  const [matches] = await once(worker, 'message');
  worker.on('error', () => undefined); // the answer is there already
  return matches;
}

const job: Job | undefined = workerData?.bcryptJob;
if (job !== undefined) void answer(job);

async function answer({ password, hash }: Job): Promise<void> {
  const { compareSync } = await import('bcryptjs');
  parentPort?.postMessage(compareSync(password, hash));
}
