/** How long it takes from starting Floatie to its first answered scrape. */
import { Floatie } from './floatie.ts';
import { formatSpread, spreadOf } from './statistics.ts';
import { judge, printTable } from './table.ts';

const STARTS = 9;
const AIM_MS = 1000;

export async function measureStart(): Promise<void> {
  const times: number[] = [];
  for (let start = 0; start < STARTS; start++) times.push(await startMs());
  const spread = spreadOf(times);
  const row = ['Floatie', formatSpread(spread), judge('at most 1 s', spread.median <= AIM_MS)];
  printTable('From the start to the first answered scrape: ms', ['', 'takes', 'aim'], [row]);
}

async function startMs(): Promise<number> {
  const start = performance.now();
  await using floatie = await Floatie.start();
  const text = await floatie.scrape();
  const ms = performance.now() - start;
  if (!text.includes('floatie_probe_attached')) throw new Error('The first scrape says nothing of the probe');
  return ms;
}
