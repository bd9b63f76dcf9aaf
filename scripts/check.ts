/**
 * `npm run check`: format and lint, types and unit tests, all at once; takes Node and npm. Prints what fails.
 * `npm run check -- --watch` checks again whatever changes: of the tests, those that import it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { failures } from './test-report.ts';
import { runInParallel, UNIT_TESTS } from './unit-tests.ts';

const { watch } = parseArgs({ options: { watch: { type: 'boolean', default: false } } }).values;
const began = performance.now();
const passed = await Promise.all([
  // Watching all, Biome would tell of each file in .cache, too.
  command('biome', 'check', '--error-on-warnings', ...(watch ? ['--watch', 'bench', 'scripts', 'src', 'test'] : ['.'])),
  // A browser has other globals than Node.
  ...['test', 'src/page'].map((folder) =>
    command('tsc', '--project', `${folder}/tsconfig.json`, ...(watch ? ['--watch', '--preserveWatchOutput'] : [])),
  ),
  failures(runInParallel(UNIT_TESTS, { watch })).then((count) => count === 0),
]);
process.stdout.write(`The check took ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
process.exitCode = passed.every(Boolean) ? 0 : 1;

async function command(name: string, ...args: string[]): Promise<boolean> {
  const [code] = await once(spawn(name, args, { stdio: 'inherit' }), 'exit');
  return code === 0;
}
