/** Whether a scrape costs more the more is counted: the kernel counts, and Floatie reads sums. */
import { availableParallelism } from 'node:os';
import { compileProgram } from './compile.ts';
import { cpuMs } from './costs.ts';
import { Counting } from './counting.ts';
import type { Floatie } from './floatie.ts';
import type { Bench, Part } from './part.ts';
import { Program } from './program.ts';
import type { Results } from './results.ts';
import { rotated } from './rounds.ts';
import { sleep } from './stopping.ts';

const ROUNDS = 20;
const CONTAINERS = 100;
/** Until Floatie would have something to do, if it had. */
const PAUSE_MS = 200;
/** More than fit into the measurement. */
const TURNS = 1_000_000;
const CALLS = 2000;

const NONE = 'none';
const FULL = 'as many as one CPU makes';

export const operations: Part = { title: `Operations a second, with ${CONTAINERS} containers`, measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const { overlay, floaties } = cleanup.use(await Counting.start(trees, CONTAINERS));

  const loop = await compileProgram('loop');
  const load = cleanup.use(
    await Program.start(loop, [`${availableParallelism() - 1}`, `${TURNS}`, `${CALLS}`, overlay.file]),
  );
  let [reads, seconds] = [0, 0];
  for (let round = 0; round < rounds(ROUNDS); round++) {
    process.kill(load.pid, 'SIGSTOP');
    for (const [name, floatie] of rotated(floaties, round)) await scrapeOnce(`${name}, ${NONE}`, floatie, results);
    process.kill(load.pid, 'SIGCONT');
    const [readsBefore, began] = [await readsOf(floaties), performance.now()];
    for (const [name, floatie] of rotated(floaties, round)) await scrapeOnce(`${name}, ${FULL}`, floatie, results);
    reads += (await readsOf(floaties)) - readsBefore;
    seconds += (performance.now() - began) / 1000;
  }
  const perSecond = Math.round(reads / seconds / 1000) * 1000;
  results.note(`One CPU made ${perSecond.toLocaleString('en')} reads a second.`);
  for (const { name } of trees) results.compare(`${name}, ${FULL}`, `${name}, ${NONE}`);
}

/** The CPU time of Floatie's, which is not that of the programs in the kernel: theirs is part of each operation. */
async function scrapeOnce(of: string, floatie: Floatie, results: Results): Promise<void> {
  const before = cpuMs(floatie.pid);
  const { bytes } = await floatie.scrape();
  await sleep(PAUSE_MS);
  results.add('CPU time of a scrape', of, 'ms', cpuMs(floatie.pid) - before);
  results.add('its size', of, 'kB', bytes / 1000);
}

/** All count the same. */
async function readsOf(floaties: readonly (readonly [name: string, floatie: Floatie])[]): Promise<number> {
  const [[, first] = []] = floaties;
  return (await first?.reads()) ?? 0;
}
