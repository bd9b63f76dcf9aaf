/** How much memory Floatie holds, beside Node alone and Node with the packages that Floatie imports. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Floatie, NODE_FLAGS } from './floatie.ts';
import { Program } from './program.ts';
import { formatSpread, spreadOf } from './statistics.ts';
import { sleep } from './stopping.ts';
import { judge, printTable } from './table.ts';

const ROUNDS = 3;
const SCRAPES = 1000;
/** Until what is only needed at the start has been freed. */
const SETTLE_MS = 500;

const AIM_OVER_IMPORTS_MB = 10;
/** What as many scrapes again may add. By then V8 has compiled what it will. */
const AIM_GROWTH_MB = 1;

const IDLE = 'console.log("ready"); setInterval(() => {}, 60_000)';

export async function measureMemory(): Promise<void> {
  const packages = await packagesOfFloatie();
  const imports = packages.map((name) => `import ${JSON.stringify(name)};`).join(' ');
  const rounds: Record<'bare' | 'importing' | 'started' | 'scraped' | 'twice', number>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ bare: await idleMb(IDLE), importing: await idleMb(`${imports} ${IDLE}`), ...(await floatieMb()) });
  }

  const over = spreadOf(rounds.map(({ scraped, importing }) => scraped - importing)).median;
  const growth = spreadOf(rounds.map(({ scraped, twice }) => twice - scraped)).median;
  const row = (title: string, key: keyof (typeof rounds)[number], aim = ''): string[] => {
    const { median } = spreadOf(rounds.map((round) => round[key] - round.importing));
    const distance = `${median < 0 ? '−' : '+'}${Math.abs(median).toFixed(1)}`;
    return [title, formatSpread(spreadOf(rounds.map((round) => round[key])), 1), distance, aim];
  };
  printTable(
    'Resident memory: MB',
    ['', 'resident', 'over the imports', 'aim'],
    [
      row('Node alone', 'bare'),
      row(`Node with the ${packages.length} packages that Floatie imports`, 'importing'),
      row('Floatie after its start', 'started'),
      row(
        `Floatie after ${SCRAPES} scrapes`,
        'scraped',
        judge(`at most +${AIM_OVER_IMPORTS_MB}`, over <= AIM_OVER_IMPORTS_MB),
      ),
      row(`Floatie after ${2 * SCRAPES} scrapes`, 'twice', judge('flat', growth <= AIM_GROWTH_MB)),
    ],
  );
}

async function packagesOfFloatie(): Promise<string[]> {
  await using floatie = await Floatie.start(['--import', join(import.meta.dirname, 'record-packages.ts')]);
  const found = [...floatie.log.matchAll(/^imported package (\S+)$/gm)];
  return [...new Set(found.map(([, name = '']) => name))];
}

async function idleMb(script: string): Promise<number> {
  await using program = await Program.start(process.execPath, [...NODE_FLAGS, '--input-type=module', '-e', script]);
  await program.says(/ready/);
  await sleep(SETTLE_MS);
  return residentMb(program.pid);
}

async function floatieMb(): Promise<{ started: number; scraped: number; twice: number }> {
  await using floatie = await Floatie.start();
  const scrape = async (times: number): Promise<void> => {
    for (let done = 0; done < times; done++) await floatie.scrape();
    await sleep(SETTLE_MS);
  };
  await scrape(1);
  const started = residentMb(floatie.pid);
  await scrape(SCRAPES);
  const scraped = residentMb(floatie.pid);
  await scrape(SCRAPES);
  return { started, scraped, twice: residentMb(floatie.pid) };
}

function residentMb(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1024) / 1e6;
}
