/** How long it takes from the start of the process to the first answered scrape. */
import { BARE_NODE, BareNode } from './bare-node.ts';
import { Floatie } from './floatie.ts';
import type { Bench, Part } from './part.ts';
import { rotated } from './rounds.ts';

const ROUNDS = 9;
const WHAT = 'from the start of the process to the first answer';
const AIMS_MS = { dist: 500, single: 300 };

export const start: Part = { title: 'Start', measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  trees[0].buildSingle();
  const forms = trees.flatMap((tree) => tree.forms());
  for (let round = 0; round < rounds(ROUNDS); round++) {
    for (const { name, command } of rotated(forms, round)) results.add(WHAT, name, 'ms', await firstScrapeMs(command));
    results.add(WHAT, BARE_NODE, 'ms', await firstAnswerMs());
  }
  for (const { name, kind } of forms) {
    results.compare(name, BARE_NODE);
    results.aim(WHAT, name, { atMost: AIMS_MS[kind] });
  }
}

async function firstScrapeMs(command: readonly string[]): Promise<number> {
  const began = performance.now();
  await using floatie = await Floatie.start(command);
  const text = await floatie.metrics();
  const ms = performance.now() - began;
  if (!text.includes('floatie_probe_attached')) throw new Error('The first scrape says nothing of the probe');
  return ms;
}

async function firstAnswerMs(): Promise<number> {
  const began = performance.now();
  await using node = await BareNode.start();
  await node.send(1000);
  return performance.now() - began;
}
