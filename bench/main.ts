/** Runs the benchmarks, and prints what they measured beside what was aimed at: see USAGE in arguments.ts. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Options, parseArguments, USAGE } from './arguments.ts';
import { calls } from './calls.ts';
import { compareReports, describeComparison } from './comparison.ts';
import { conditionsNow, describeConditions } from './conditions.ts';
import { cpus } from './cpus.ts';
import { exported, fleet10, fleet100 } from './fleet.ts';
import { history } from './history.ts';
import { memory } from './memory.ts';
import { Missing } from './missing.ts';
import { mountPrivately } from './mounts.ts';
import { operations } from './operations.ts';
import { overhead } from './overhead.ts';
import type { Bench, Part } from './part.ts';
import { programs } from './programs.ts';
import { readers } from './readers.ts';
import { OURS, type PartReport, type Report, Results } from './results.ts';
import { rungs } from './rungs.ts';
import { scale100, scale1000, scale10000 } from './scale.ts';
import { scrape } from './scrape.ts';
import { signals } from './signals.ts';
import { start } from './start.ts';
import { stopping } from './stopping.ts';
import { switches } from './switches.ts';
import { asText, durationsOf } from './tables.ts';
import { Tree } from './tree.ts';

const PARTS: Readonly<Record<string, Part>> = {
  overhead,
  calls,
  rungs,
  signals,
  switches,
  programs,
  start,
  memory,
  scrape,
  'scale-100': scale100,
  'scale-1000': scale1000,
  'scale-10000': scale10000,
  readers,
  history,
  operations,
  cpus,
  export: exported,
  'fleet-10': fleet10,
  'fleet-100': fleet100,
};
const ROOT = join(import.meta.dirname, '..');

interface Run extends Pick<Options, 'parts' | 'json' | 'quick'> {
  readonly earlier: Report | undefined;
  readonly trees: Bench['trees'];
}

mountPrivately();
const given = prepare(process.argv.slice(2));
// From where packages are found.
process.chdir(ROOT);
if (given === null) process.exitCode = 2;
else await main(given);

/** Finds what is wrong with the arguments before anything is measured. */
function prepare(args: readonly string[]): Run | null {
  try {
    const { against, beside, ...options } = parseArguments(args, Object.keys(PARTS));
    const earlier = against === undefined ? undefined : (JSON.parse(readFileSync(against, 'utf8')) as Report);
    const others = beside.map((folder) => new Tree(resolve(folder), relative('', folder)));
    const json = options.json === undefined || options.json === '-' ? options.json : resolve(options.json);
    if (json !== undefined && json !== '-') closeSync(openSync(json, 'a'));
    return { ...options, json, earlier, trees: [new Tree(ROOT, OURS), ...others] };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}\n`);
    return null;
  }
}

async function main({ parts, json, quick, earlier, trees }: Run): Promise<void> {
  const print = (text: string): unknown => (json === '-' ? process.stderr : process.stdout).write(text);
  const rounds = (full: number): number => (quick ? Math.ceil(full / 3) : full);

  const conditions = conditionsNow(quick);
  print(`${describeConditions(conditions)}\n`);
  const measured: PartReport[] = [];
  for (const name of parts) {
    const report = await measure(name, { trees, rounds });
    if (stopping.aborted) {
      print(`\n${(stopping.reason as Error).message}\n`);
      process.exitCode = 130;
      return;
    }
    print(asText(report));
    measured.push(report);
  }

  print(`\n${durationsOf(measured)}\n`);
  const report: Report = { conditions, parts: measured };
  if (json !== undefined)
    writeFileSync(json === '-' ? process.stdout.fd : json, `${JSON.stringify(report, null, 2)}\n`);
  if (earlier === undefined) return;
  const comparison = compareReports(earlier, report);
  print(describeComparison(comparison));
  if (comparison.changes.some(({ verdict }) => verdict === 'worse')) process.exitCode = 1;
}

/** A part that fails leaves what it has measured so far, and its reason. */
async function measure(name: string, bench: Omit<Bench, 'results'>): Promise<PartReport> {
  const { title, measure } = PARTS[name] as Part;
  const results = new Results();
  const began = performance.now();
  try {
    await measure({ ...bench, results });
    const [here, ...others] = bench.trees;
    for (const other of others) results.compare(here.name, other.name);
  } catch (error) {
    results.note(`Not measured: ${error instanceof Error ? error.message : String(error)}`);
    if (!(error instanceof Missing)) process.exitCode = 1;
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  return { name, title, seconds, figures: results.figures(), notes: results.notes };
}
