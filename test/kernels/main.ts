/**
 * `npm run test:kernels`: the live tests on other kernels, in QEMU without hardware's help.
 *
 *   npm run test:kernels -- [--all] [--kernel NAME]… [test/live/FILE.test.ts]…
 *
 * variants.ts lists the kernels, selection.ts what is tested when no file is named: of the ways to attach, the one that
 * `auto` chooses on each kernel, and with --all every one. Files that start Floatie often take very long here. Tests find
 * TEST_SCALE in their environment.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fixture } from '../support/fixtures.ts';
import { boot, type Run } from './boot.ts';
import { type GuestRun, renderFailures, renderMatrix, renderRun, renderUnsteady } from './matrix.ts';
import { failedFiles, type TestResult, withSecondRun } from './results.ts';
import { FILES, MEMBERS } from './selection.ts';
import { VARIANTS, type Variant } from './variants.ts';

const ROOT = join(import.meta.dirname, '../..');
const OUTPUT = join(ROOT, '.cache/kernels/runs/');
/** More guests than this only slow each other down. */
const AT_ONCE = 2;
/** A guest that does not come to its first test gets another chance: emulation is not always right. */
const ATTEMPTS = 2;
/** How long the tests of a guest may take: several times what they do on a machine that has nothing else to do. */
const TESTS_MS = 1_800_000;
/** The same with --all, and of files that are named: they may be soak tests. */
const LONG_MS = 3_600_000;
/** Emulated machines do in a minute what others do in seconds. */
const SCALE = process.env.TEST_SCALE ?? '0.02';

const { values, positionals } = parseArgs({
  options: { kernel: { type: 'string', multiple: true }, all: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const variants = chosenVariants(values.kernel);
if (process.arch !== 'x64') stop('These kernels are for x86-64, and the guests use the Node that runs here');

// Guests end with this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
mkdirSync(OUTPUT, { recursive: true });
script('packages.sh');
const isSystemd = ({ cgroup }: Variant): boolean => cgroup === 'systemd';
const fixtures = compileFixtures();
const disk = variants.every(isSystemd) ? '' : script('disk.sh', ...fixtures);
const systemdDisk = variants.some(isSystemd) ? script('systemd-disk.sh') : '';
const kernels = new Map(variants.map(({ suite }) => [suite, '']));
for (const suite of kernels.keys()) kernels.set(suite, script('fetch.sh', suite));

compileTests();
const guests = await runAll();
process.stdout.write(`${renderMatrix(guests)}\n`);
for (const unsteady of renderUnsteady(guests)) process.stdout.write(`\n${unsteady}\n`);
const failures = renderFailures(guests);
for (const failure of failures) process.stdout.write(`\n${failure}\n`);
process.stdout.write(`\nWhat the guests printed is in ${OUTPUT}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;

function chosenVariants(names: readonly string[] = VARIANTS.map(({ name }) => name)): Variant[] {
  return names.map(
    (name) =>
      VARIANTS.find((variant) => variant.name === name) ??
      stop(`Cannot test on the kernel "${name}": there are ${VARIANTS.map((variant) => variant.name).join(', ')}`),
  );
}

function stop(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

/** Guests have no compiler. */
function compileFixtures(): string[] {
  const fuse = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).trim().split(/\s+/);
  const plain = ['compat', 'copyup', 'fill', 'io', 'hog', 'killed', 'ops', 'share', 'storm', 'threads'].map((name) =>
    fixture(name),
  );
  return [...plain, ...['calls', 'kinds'].map((name) => fixture(name, '-static')), fixture('slowfs', ...fuse)];
}

/** Guests find here what takes them seconds: tests and sources, without their types. */
function compileTests(): void {
  rmSync(join(ROOT, '.cache/kernels/compiled'), { recursive: true, force: true });
  const chosen = variants.flatMap(({ files = [], rest = [], only = [] }) => [...files, ...rest, ...only]);
  const files = positionals.length > 0 ? positionals : [...FILES, MEMBERS, ...chosen];
  execFileSync(process.execPath, ['--test', '--test-isolation=none', '--test-name-pattern=^no test$', ...files], {
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: '.cache/kernels/compiled', NODE_COMPILE_CACHE_PORTABLE: '1' },
    stdio: 'ignore',
  });
}

/** @returns what a script of this folder prints */
function script(name: string, ...args: string[]): string {
  const path = join(import.meta.dirname, name);
  return execFileSync('sh', [path, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

async function runAll(): Promise<GuestRun[]> {
  const runs = new Map<Variant, Run>();
  // First those that have most to do.
  const waiting = variants.toSorted((a, b) => (b.files ?? []).length - (a.files ?? []).length).values();
  const work = async (): Promise<void> => {
    // All workers take from the same iterator.
    for (const variant of waiting) {
      runs.set(variant, await runVariant(variant));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return variants.flatMap((variant) => {
    const run = runs.get(variant);
    return run === undefined ? [] : { name: variant.name, run };
  });
}

async function runVariant(variant: Variant): Promise<Run> {
  for (let attempt = 1; ; attempt++) {
    const run = await bootOnce(variant, attempt);
    process.stdout.write(`${renderRun({ name: variant.name, run })}\n`);
    // The emulation loses a breakpoint of the kernel's own patching now and then, at which the kernel panics.
    const isWhole = run.results.length > 0 && run.problem === null;
    if (isWhole) return await withoutChance(variant, run);
    if (attempt === ATTEMPTS) return run;
  }
}

/** Emulated CPUs also end a process now and then. Files with a failed test are run once more, in another guest. */
async function withoutChance(variant: Variant, run: Run): Promise<Run> {
  const files = failedFiles(run.results);
  if (files.length === 0) return run;
  const second = await bootOnce(variant, ATTEMPTS + 1, files);
  process.stdout.write(`${renderRun({ name: `${variant.name} once more`, run: second })}\n`);
  return { ...run, results: withSecondRun(run.results, second.results) };
}

/** @param chosen the files to run instead of those of the variant */
async function bootOnce(variant: Variant, attempt: number, chosen: readonly string[] = positionals): Promise<Run> {
  const {
    name,
    suite,
    cgroup,
    exact,
    auto,
    skips,
    boot: extra = '',
    cpu = 'max',
    only,
    some,
    files = [],
    rest = [],
  } = variant;
  const more = new Set([...files, ...(values.all ? [...rest, MEMBERS] : [])]);
  const usual = only ?? (values.all ? null : some) ?? [...FILES, ...more];
  const kernel = kernels.get(suite) ?? '';
  const initrd = join(OUTPUT, `${name}.initrd`);
  script('initrd.sh', kernel, initrd);
  const environment = [
    `TEST_CGROUP=${cgroup}`,
    `TEST_FILES=${chosen.length > 0 ? chosen : usual}`,
    ...(positionals.length > 0 ? ['TEST_ALL=1'] : []),
    `TEST_SCALE=${SCALE}`,
    `TEST_EXACT=${exact.join(',')}`,
    ...(values.all || auto === null ? [] : [`TEST_WAY=${auto}`]),
  ];
  const machine = {
    kernel: join(kernel, 'vmlinuz'),
    initrd,
    disk: isSystemd(variant) ? systemdDisk : disk,
    cpu,
    // Protection against other programs only slows the emulation down.
    commandLine: `console=ttyS0 panic=-1 psi=1 mitigations=off ${extra} ${environment.join(' ')}`,
    console: join(OUTPUT, `${name}.${attempt}.log`),
  };
  const run = await boot(machine, values.all || positionals.length > 0 ? LONG_MS : TESTS_MS);
  if (positionals.length > 0) return run;
  const results = run.results.map((result): TestResult => {
    const isExpected = result.outcome !== 'skipped' || skips.some((skip) => skip.test(result.name));
    return isExpected ? result : { ...result, outcome: 'failed', detail: `It was skipped: ${result.detail}` };
  });
  return { ...run, results };
}
