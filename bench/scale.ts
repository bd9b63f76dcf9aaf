/** What a number of containers costs: scrapes in all formats, memory, and CPU time while nothing happens. */
import { BARE_NODE, BareNode } from './bare-node.ts';
import type { Answer } from './client.ts';
import { cpuMs, memoryOf } from './costs.ts';
import { Counting } from './counting.ts';
import type { Floatie } from './floatie.ts';
import { scrapeAll } from './formats.ts';
import { Missing } from './missing.ts';
import type { Bench, Part } from './part.ts';
import { NODE_EXPORTER, NodeExporter } from './peers.ts';
import { rotated } from './rounds.ts';
import { sleep } from './stopping.ts';

/** Each scrapes in five formats: a hundred times in all, and half as often where that takes long. */
const [ROUNDS, ROUNDS_OF_MANY] = [20, 10];
const MANY = 10_000;
const WAIT_ROUNDS = 5;
/** The first of these windows has what V8 gives back after the scrapes. */
const [IDLE_ROUNDS, IDLE_MS] = [5, 20_000];
/** Memory that a scrape took is given back at most every five seconds. */
const SETTLE_MS = 6000;
const POLL_MS = 2;
/** Of kernel.max_map_entries. */
const DEFAULT_ENTRIES = 1024;
/** What bare Node sends for a container: about Floatie's text. */
const BYTES = 10_000;

const WAIT = 'longest wait of another request during a scrape';
const IDLE = 'CPU time while idle';

/** What is scraped. */
interface Target extends AsyncDisposable {
  readonly pid: number;
  scrape(headers: Readonly<Record<string, string>>): Promise<Answer>;
}

type Named<T> = readonly [name: string, target: T];

/** By rows. */
type Aims = Readonly<Record<string, number>>;

export const scale100: Part = scale(100, { 'its size: protobuf': 100 });
export const scale1000: Part = scale(1000, {
  'its size: protobuf': 1000,
  'anonymous after the scrapes': 70,
  [IDLE]: 0.5,
});
export const scale10000: Part = scale(MANY, { 'anonymous after the scrapes': 250, [WAIT]: 100 });

function scale(count: number, aims: Aims): Part {
  return { title: `${count.toLocaleString('en')} containers`, measure: (bench) => measure(count, aims, bench) };
}

async function measure(count: number, aims: Aims, bench: Bench): Promise<void> {
  const { trees, results } = bench;
  await using cleanup = new AsyncDisposableStack();
  const flags = ['--max-map-entries', `${Math.max(DEFAULT_ENTRIES, 2 * count)}`];
  const { floaties } = cleanup.use(await Counting.start(trees, count, flags));
  for (const [, floatie] of floaties) await assertAllCounted(floatie, count);
  const node = cleanup.use(await BareNode.start(trees[0].nodeFlags));
  const exporter = await startNodeExporter(bench);
  if (exporter !== null) cleanup.use(exporter);
  const targets: Named<Target>[] = [...floaties, ...(exporter === null ? [] : [[NODE_EXPORTER, exporter] as const])];

  await measureScrapes(targets, count, node, bench);
  await measureMemory(targets, bench);
  await measureWaits(floaties, bench);
  await measureIdle(targets, bench);
  for (const { name } of trees) {
    for (const peer of [BARE_NODE, NODE_EXPORTER]) results.compare(name, peer);
    for (const [what, atMost] of Object.entries(aims)) results.aim(what, name, { atMost });
  }
}

/** @returns null where it cannot be had */
async function startNodeExporter({ results }: Bench): Promise<NodeExporter | null> {
  try {
    return await NodeExporter.start();
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    results.note(`Not measured: ${error.message}`);
    return null;
  }
}

async function measureScrapes(
  targets: readonly Named<Target>[],
  count: number,
  node: BareNode,
  { results, rounds }: Bench,
): Promise<void> {
  const all = rounds(count < MANY ? ROUNDS : ROUNDS_OF_MANY);
  for (let round = 0; round < all; round++) {
    for (const [name, target] of rotated(targets, round)) {
      await scrapeAll(name, (headers) => target.scrape(headers), results);
    }
    results.add('a scrape: text', BARE_NODE, 'ms', await node.send(BYTES * count));
  }
}

async function measureMemory(targets: readonly Named<Target>[], { results }: Bench): Promise<void> {
  await sleep(SETTLE_MS);
  for (const [name, { pid }] of targets) {
    const { residentMb, anonymousMb, fileMb, mapsMb } = memoryOf(pid);
    results.add('resident after the scrapes', name, 'MB', residentMb);
    results.add('anonymous after the scrapes', name, 'MB', anonymousMb);
    results.add('of files after the scrapes', name, 'MB', fileMb);
    if (mapsMb > 0) results.add("the kernel's maps", name, 'MB', mapsMb);
  }
}

async function measureWaits(floaties: readonly Named<Floatie>[], { results, rounds }: Bench): Promise<void> {
  for (let round = 0; round < rounds(WAIT_ROUNDS); round++) {
    for (const [name, floatie] of rotated(floaties, round)) results.add(WAIT, name, 'ms', await longestWaitMs(floatie));
  }
}

async function measureIdle(targets: readonly Named<Target>[], { results, rounds }: Bench): Promise<void> {
  await sleep(SETTLE_MS);
  for (let round = 0; round < rounds(IDLE_ROUNDS); round++) {
    const before = targets.map(([, { pid }]) => cpuMs(pid));
    await sleep(IDLE_MS);
    for (const [index, [name, { pid }]] of targets.entries()) {
      results.add(IDLE, name, '%', ((cpuMs(pid) - (before[index] ?? 0)) / IDLE_MS) * 100);
    }
  }
}

async function assertAllCounted(floatie: Floatie, count: number): Promise<void> {
  const counted = (await floatie.metrics()).match(/^floatie_overlayfs_read_latency_us_count/gm)?.length ?? 0;
  if (counted < count) throw new Error(`Only ${counted} of ${count} cgroups are in the scrape`);
}

/** The event loop answers nobody else while it is blocked. */
async function longestWaitMs(floatie: Floatie): Promise<number> {
  let isOver = false;
  const scrape = floatie.scrape().finally(() => {
    isOver = true;
  });
  let longest = 0;
  while (!isOver) {
    longest = Math.max(longest, await floatie.healthMs());
    await sleep(POLL_MS);
  }
  await scrape;
  return longest;
}
