/** Waits for a condition instead of a time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when `condition` returns something true. Throws, with `what`, when it does not within `timeoutMs`. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<NonNullable<T>, false | '' | 0>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result) return result as Exclude<NonNullable<T>, false | '' | 0>;
    if (performance.now() > deadline) throw new Error(`After ${timeoutMs} ms it is still not so that ${what}`);
    await sleep(20);
  }
}
