/** How long it takes from starting Floatie, and the single executable beside it, to the first answered scrape. */
import { execFileSync } from 'node:child_process';
import { DIST, Floatie, SINGLE } from './floatie.ts';
import { formatSpread, spreadOf } from './statistics.ts';
import { judge, printTable } from './table.ts';

const STARTS = 9;
const AIM_MS = 1000;

export async function measureStart(): Promise<void> {
  execFileSync('npm', ['run', '--silent', 'build:single'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const dist: number[] = [];
  const single: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    dist.push(await startMs(DIST));
    single.push(await startMs(SINGLE));
  }
  const row = (name: string, times: readonly number[]): string[] => {
    const spread = spreadOf(times);
    return [name, formatSpread(spread), judge('at most 1 s', spread.median <= AIM_MS)];
  };
  const rows = [row('Floatie', dist), row('the single executable', single)];
  printTable('From the start to the first answered scrape: ms', ['', 'takes', 'aim'], rows);
}

async function startMs(command: readonly string[]): Promise<number> {
  const start = performance.now();
  await using floatie = await Floatie.start([], command);
  const text = await floatie.scrape();
  const ms = performance.now() - start;
  if (!text.includes('floatie_probe_attached')) throw new Error('The first scrape says nothing of the probe');
  return ms;
}
