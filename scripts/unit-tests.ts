/** The unit tests: they take Node and npm. What one of them needs besides skips it on a machine that lacks it. */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { run, type TestsStream } from 'node:test';

/**
 * Those of test/live and test/soak take a kernel and real programs, those of test/browser a browser, those of test/fuzz as
 * much time as they are given.
 */
export const UNIT_TESTS: readonly string[] = globSync('test/**/*.test.ts', {
  exclude: ['test/{browser,fuzz,live,soak}/**'],
}).sort();

/** Some wait for timeouts, not for a CPU. */
const FILES_A_CPU = 2;

/** Runs each file in a process of its own. */
export function runInParallel(
  files: readonly string[],
  options: { readonly timeout?: number; readonly watch?: boolean } = {},
): TestsStream {
  // All these processes compile the same modules.
  process.env.NODE_COMPILE_CACHE ??= resolve('.cache/compiled');
  return run({ files: [...files], concurrency: FILES_A_CPU * availableParallelism(), ...options });
}
