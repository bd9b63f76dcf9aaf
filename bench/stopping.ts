/** SIGINT and SIGTERM: they end whatever is waited for, so that everything is put away as at a normal end. */
import { setTimeout } from 'node:timers/promises';

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => controller.abort(new Error(`Stopped by ${name}`)));
}

export const stopping: AbortSignal = controller.signal;

const stopped = new Promise<never>((_, reject) => {
  stopping.addEventListener('abort', () => reject(stopping.reason), { once: true });
});
stopped.catch(() => undefined);

/** Throws as soon as the benchmarks are to stop. */
export function unlessStopped<T>(promise: Promise<T>): Promise<T> {
  return Promise.race([promise, stopped]);
}

export function sleep(ms: number): Promise<void> {
  return unlessStopped(setTimeout(ms));
}
