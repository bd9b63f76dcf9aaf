/** Every fuzzer for a moment; `npm run fuzz` gives them ten minutes each. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TARGETS } from './targets.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const SECONDS = 10;

// Two at a time, which is what the smallest machine has CPUs for.
suite(`${SECONDS} s of inputs find nothing in`, { concurrency: 2 }, () => {
  for (const name of Object.keys(TARGETS)) {
    test(name, async (context) => {
      const args = [MAIN, String(SECONDS), name];
      const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { stdout: string }) =>
        assert.fail(error.stdout),
      );
      context.diagnostic(stdout.trim());
    });
  }
});
