/** How the cost grows with the number of clients that scrape at once. */
import { cpuMs, memoryOf } from './costs.ts';
import { Counting } from './counting.ts';
import { FORMATS, type Format } from './formats.ts';
import type { Bench, Part } from './part.ts';
import { rotated } from './rounds.ts';

const ROUNDS = 6;
const CONTAINERS = 100;
const READERS = [1, 20, 200];

export const readers: Part = { title: `Readers of ${CONTAINERS} containers at once`, measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  await using counting = await Counting.start(trees, CONTAINERS);

  for (const number of READERS) {
    for (let round = 0; round < rounds(ROUNDS); round++) {
      for (const [name, floatie] of rotated(counting.floaties, round)) {
        const of = `${name}, ${number} at once`;
        const [cpuBefore, began] = [cpuMs(floatie.pid), performance.now()];
        await Promise.all(Array.from({ length: number }, (_, reader) => floatie.scrape(formatOf(reader).headers)));
        results.add('until all have their answer', of, 'ms', performance.now() - began);
        results.add('CPU time', of, 'ms', cpuMs(floatie.pid) - cpuBefore);
        results.add('anonymous memory then', of, 'MB', memoryOf(floatie.pid).anonymousMb);
      }
    }
  }
  for (const { name } of trees) {
    for (const number of READERS.slice(1)) results.compare(`${name}, ${number} at once`, `${name}, 1 at once`);
  }
}

/** Readers ask for all formats, in turns. */
function formatOf(reader: number): Format {
  return FORMATS[reader % FORMATS.length] as Format;
}
