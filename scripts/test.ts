/**
 * `npm test`: all set-up, format and lint, types, then every test this machine allows. Prints what was skipped and why.
 * With CI=true a skip that is not in test/known-skips.json fails the run, and so does what a live test leaves on the
 * machine, and a live file that fails is run once more. Arguments are files to run instead of all, with the set-up for
 * these; `npm run test:soak` gives those that take long, `npm run test:browser` those that take a browser.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { compare, machineState } from '../test/support/machine-state.ts';
import { BARE, withMounts } from '../test/support/mounts.ts';
import { type Outcome, report } from './test-report.ts';
import { runInParallel } from './unit-tests.ts';

/** The timeout of one file; the slowest one builds the image, which takes some minutes. */
const FILE_TIMEOUT_MS = 20 * 60_000;
/** Peers of the live tests, fetched while the unit tests run: fetching needs the network, not the CPUs. */
const PEERS = ['containers', 'prometheus', 'otelcol', 'victoria-metrics', 'kustomize', 'runtimes'];

const isRoot = process.getuid?.() === 0;
const isStrict = process.env.CI === 'true';
const given = process.argv.slice(2);
const files = given.length > 0 ? given : globSync('test/**/*.test.ts', { exclude: ['test/{browser,soak}/**'] }).sort();
const live = files.filter((file) => /(^|\/)test\/(browser|live|soak)\//.test(file));

if (given.length === 0 || live.length > 0) check('set-up', 'sh', 'scripts/setup.sh', 'test');
if (given.length === 0) {
  check('format and lint', 'biome', 'check', '--error-on-warnings', '.');
  check(
    'format of C',
    'clang-format',
    '--dry-run',
    '--Werror',
    ...globSync('{bench,bpf,image,scripts,test}/**/*.{c,h}'),
  );
  check('types', 'tsc', '--project', 'test/tsconfig.json');
}
const outcomes: Outcome[] = [await leavingNothing('the unit tests', runUnits)];
// One after the other, because the live tests measure one kernel.
const unsteady: string[] = [];
for (const file of live) outcomes.push(await leavingNothing(file, () => runLive(file)));
finish(outcomes);

function check(name: string, command: string, ...args: string[]): void {
  process.stdout.write(`${name}\n`);
  if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) process.exit(1);
}

/** Runs beside the unit tests. A peer that cannot be fetched fails the tests that need it. */
async function fetchPeers(): Promise<void> {
  for (const name of PEERS) {
    await once(spawn('sh', [`test/peers/${name}.sh`], { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
  }
}

async function runUnits(): Promise<Outcome> {
  const peers = given.length === 0 && isRoot ? fetchPeers() : null;
  const outcome = await report(
    runInParallel(
      files.filter((file) => !live.includes(file)),
      { timeout: FILE_TIMEOUT_MS },
    ),
  );
  await peers;
  return outcome;
}

/**
 * With CI=true a file with a failed test is run once more: the network, and a machine that others work on, fail a test
 * now and then. What passes only then is named at the end.
 */
async function runLive(file: string): Promise<Outcome> {
  const first = await runAlone(file);
  if (!isStrict || first.failed.length === 0) return first;
  const second = await runAlone(file);
  if (second.failed.length === 0) unsteady.push(...first.failed);
  return second;
}

/** Runs a live test file in a mount namespace without the mounts that a new machine lacks. */
async function runAlone(file: string): Promise<Outcome> {
  process.stdout.write(`\n${file}\n`);
  const [command = '', ...args] = [...(isRoot ? withMounts(BARE) : []), process.execPath, 'scripts/test-file.ts', file];
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'pipe'], timeout: FILE_TIMEOUT_MS });
  const [told, [code]] = await Promise.all([
    text(child.stdio[3] as NodeJS.ReadableStream),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return told === ''
    ? { passed: 0, failed: [`${file} ended with ${code}`], skipped: [] }
    : (JSON.parse(told) as Outcome);
}

/** Names everything that the tests leave on the machine; that fails the run with CI=true. */
async function leavingNothing(name: string, tests: () => Promise<Outcome>): Promise<Outcome> {
  const before = machineState();
  const began = performance.now();
  const outcome = await tests();
  const left = await compare(before);
  for (const what of left) process.stdout.write(`left behind by ${name}: ${what}\n`);
  process.stdout.write(`${name} took ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  return isStrict && left.length > 0
    ? { ...outcome, failed: [...outcome.failed, `${name} left something behind`] }
    : outcome;
}

function finish(outcomes: readonly Outcome[]): void {
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.flatMap((outcome) => outcome.failed);
  const skipped = outcomes.flatMap((outcome) => outcome.skipped);
  for (const { name, reason } of skipped) process.stdout.write(`skipped: ${name}: ${reason}\n`);
  const known = JSON.parse(readFileSync('test/known-skips.json', 'utf8')) as string[];
  const unknown = skipped.filter(({ name }) => !known.includes(name));
  if (isStrict) failed.push(...unknown.map(({ name }) => `${name} was skipped, and is not in test/known-skips.json`));
  for (const name of unsteady) process.stdout.write(`passed at its second run: ${name}\n`);
  for (const name of failed) process.stdout.write(`failed: ${name}\n`);
  process.stdout.write(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped\n`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
