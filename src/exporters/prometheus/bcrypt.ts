/** Compares passwords with bcrypt in a worker thread, since a comparison takes 0.1 s or more by design. */
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { isSingle, readPackaged } from '../../program/packaged.ts';

interface Job {
  readonly password: string;
  readonly hash: string;
}

/** How long the thread waits for the next password, in ms: to start it takes 0.1 s of CPU time and 10 MB for a moment. */
const IDLE_MS = 10_000;
/** In MB. A comparison needs some kB. */
const LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 };
const AS_WORKER = { comparesPasswords: true };

export class Comparer {
  #worker: Worker | null = null;
  #ending: NodeJS.Timeout | undefined;

  /** One comparison at a time. Rejects when the thread fails. */
  async matches(password: string, hash: string): Promise<boolean> {
    clearTimeout(this.#ending);
    this.#worker ??= startWorker();
    const worker = this.#worker;
    worker.ref();
    worker.postMessage({ password, hash } satisfies Job);
    try {
      const [matches] = await once(worker, 'message');
      return matches;
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      worker.unref();
      this.#ending = setTimeout(() => this.#end(), IDLE_MS).unref();
    }
  }

  #end(): void {
    void this.#worker?.terminate();
    this.#worker = null;
  }
}

function startWorker(): Worker {
  const options = { workerData: AS_WORKER, resourceLimits: LIMITS };
  const worker = isSingle
    ? new Worker(readPackaged('dist/exporters/bcrypt.js'), { ...options, eval: true })
    : new Worker(import.meta.filename, options);
  // Whoever waits for an answer has the error.
  return worker.on('error', () => undefined);
}

if (workerData?.comparesPasswords === true) parentPort?.on('message', (job: Job) => void answer(job));

async function answer({ password, hash }: Job): Promise<void> {
  const { compareSync } = await import('bcryptjs');
  parentPort?.postMessage(compareSync(password, hash));
}
