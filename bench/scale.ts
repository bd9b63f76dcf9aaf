/** What a number of containers costs: scrapes in all formats, memory, and CPU time while nothing happens. */
import { BARE_NODE, BareNode } from './bare-node.ts';
import type { Answer } from './client.ts';
import { Containers } from './containers.ts';
import { cpuMs, memoryOf } from './costs.ts';
import { Floatie } from './floatie.ts';
import { scrapeAll } from './formats.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { NODE_EXPORTER, NodeExporter } from './peers.ts';
import { rotated } from './rounds.ts';
import { sleep } from './stopping.ts';

/** Each scrapes in five formats. */
const ROUNDS = 20;
const BLOCKED_ROUNDS = 5;
const IDLE_MS = 30_000;
const SETTLE_MS = 1000;
const POLL_MS = 2;
/** Of kernel.max_map_entries. */
const DEFAULT_ENTRIES = 1024;
/** What Node alone sends for a container: about Floatie's text. */
const BYTES = 10_000;

/** What is scraped. */
interface Target extends AsyncDisposable {
  readonly pid: number;
  scrape(headers: Readonly<Record<string, string>>): Promise<Answer>;
}

interface Aims {
  readonly protobufKb?: number;
  readonly anonymousMb?: number;
  readonly blockedMs?: number;
  readonly idlePercent?: number;
}

export function scale(count: number, aims: Aims): Part {
  return { title: `${count.toLocaleString('en')} containers`, measure: (bench) => measure(count, aims, bench) };
}

async function measure(count: number, aims: Aims, { trees, results, rounds }: Bench): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const overlay = cleanup.use(Overlay.mount());
  const containers = cleanup.use(Containers.create(count));
  const node = cleanup.use(await BareNode.start(trees[0].nodeFlags));
  // All at once: they count the same calls, and what disturbs one disturbs the others.
  const floaties: [name: string, floatie: Floatie][] = [];
  for (const tree of trees) {
    floaties.push([
      tree.name,
      cleanup.use(await Floatie.start(tree.dist(), ['--max-map-entries', `${Math.max(DEFAULT_ENTRIES, 2 * count)}`])),
    ]);
  }
  await containers.work(overlay.file);
  for (const [, floatie] of floaties) await assertAllCounted(floatie, count);

  const targets: [name: string, target: Target][] = [...floaties];
  try {
    targets.push([NODE_EXPORTER, cleanup.use(await NodeExporter.start())]);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    results.note(`Not measured: ${error.message}`);
  }

  for (let round = 0; round < rounds(ROUNDS); round++) {
    for (const [name, target] of rotated(targets, round)) {
      await scrapeAll(name, (headers) => target.scrape(headers), results);
    }
    results.add('a scrape: text', BARE_NODE, 'ms', await node.send(BYTES * count));
  }
  await sleep(SETTLE_MS);
  for (const [name, { pid }] of targets) {
    const { residentMb, anonymousMb, fileMb, mapsMb } = memoryOf(pid);
    results.add('resident after the scrapes', name, 'MB', residentMb);
    results.add('anonymous after the scrapes', name, 'MB', anonymousMb);
    results.add('of files after the scrapes', name, 'MB', fileMb);
    if (mapsMb > 0) results.add("the kernel's maps", name, 'MB', mapsMb);
  }

  for (let round = 0; round < rounds(BLOCKED_ROUNDS); round++) {
    for (const [name, floatie] of rotated(floaties, round)) {
      results.add('longest wait of another request during a scrape', name, 'ms', await longestWaitMs(floatie));
    }
  }

  const before = targets.map(([, { pid }]) => cpuMs(pid));
  const idleMs = rounds(IDLE_MS);
  await sleep(idleMs);
  for (const [index, [name, { pid }]] of targets.entries()) {
    results.add('CPU time while idle', name, '%', ((cpuMs(pid) - (before[index] ?? 0)) / idleMs) * 100);
  }

  for (const { name } of trees) {
    for (const peer of [BARE_NODE, NODE_EXPORTER]) results.compare(name, peer);
    const aim = (what: string, atMost = Number.NaN): void => {
      if (!Number.isNaN(atMost)) results.aim(what, name, { atMost });
    };
    aim('its size: protobuf', aims.protobufKb);
    aim('anonymous after the scrapes', aims.anonymousMb);
    aim('longest wait of another request during a scrape', aims.blockedMs);
    aim('CPU time while idle', aims.idlePercent);
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
