/**
 * `npm test`: format and lint, types, then every test this machine allows. Prints what was skipped and why.
 * With CI=true a skip that is not in test/known-skips.json fails the run. Arguments are files to run instead of all;
 * `npm run test:soak` gives those that take long.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

function check(name: string, command: string, ...args: string[]): void {
  process.stdout.write(`${name}\n`);
  if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) process.exit(1);
}

const given = process.argv.slice(2);
if (given.length === 0) {
  check('format and lint', 'biome', 'check', '--error-on-warnings', '.');
  check('types', 'tsc', '--project', 'test/tsconfig.json');
}

/** One file; building the collector and the image, the longest, take some minutes. */
const FILE_TIMEOUT_MS = 20 * 60_000;

const skipped: { readonly name: string; readonly reason: string }[] = [];
let failed = false;
const files = given.length > 0 ? given : globSync('test/**/*.test.ts', { exclude: ['test/soak/**'] }).sort();
// One after the other: the live tests measure a kernel that they share.
const events = run({ files, concurrency: 1, timeout: FILE_TIMEOUT_MS });
events.on('test:pass', ({ name, skip }) => {
  if (skip !== undefined && skip !== false) skipped.push({ name, reason: String(skip) });
});
events.on('test:fail', () => {
  failed = true;
});
// Unlike stream.compose, this waits for the reporter's last line.
events.compose(new spec()).pipe(process.stdout);
await new Promise((resolve) => events.on('end', resolve));

process.on('exit', () => {
  for (const { name, reason } of skipped) process.stdout.write(`skipped: ${name}: ${reason}\n`);
  const known = JSON.parse(readFileSync('test/known-skips.json', 'utf8')) as string[];
  const unknown = skipped.filter(({ name }) => !known.includes(name));
  if (process.env.CI === 'true' && unknown.length > 0) {
    process.stdout.write(
      `${unknown.length} skipped that should run here (test/known-skips.json lists those that may be)\n`,
    );
    failed = true;
  }
  process.exitCode = failed ? 1 : 0;
});
