/** Runs all benchmarks and prints what they measured, beside what was aimed at. */
import { join } from 'node:path';
import { printConditions } from './conditions.ts';
import { measureMemory } from './memory.ts';
import { Missing } from './missing.ts';
import { mountPrivately } from './mounts.ts';
import { measureOverhead } from './overhead.ts';
import { measureRungs } from './rungs.ts';
import { measureScrape } from './scrape.ts';
import { measureStart } from './start.ts';
import { stopping } from './stopping.ts';

const benchmarks = {
  overhead: measureOverhead,
  rungs: measureRungs,
  scrape: measureScrape,
  start: measureStart,
  memory: measureMemory,
};

// From where packages are found.
process.chdir(join(import.meta.dirname, '..'));
mountPrivately();
printConditions();

for (const [name, measure] of Object.entries(benchmarks)) {
  try {
    await measure();
  } catch (error) {
    if (stopping.aborted) {
      process.stdout.write(`\n${(stopping.reason as Error).message}\n`);
      process.exitCode = 130;
      break;
    }
    process.stdout.write(`\nNot measured: ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    if (!(error instanceof Missing)) process.exitCode = 1;
  }
}
