/** Runs the tests of one file in this process, and writes the results to descriptor 3. */
import { writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { run } from 'node:test';
import { report } from './test-report.ts';

const [file = ''] = process.argv.slice(2);
const outcome = await report(run({ files: [resolve(file)], isolation: 'none' }));
writeSync(3, JSON.stringify(outcome));
process.exitCode = outcome.failed.length > 0 ? 1 : 0;
