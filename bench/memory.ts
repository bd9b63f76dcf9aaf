/** How much memory Floatie holds, beside Node with an HTTP server and other programs that do the like. */
import { join } from 'node:path';
import { BARE_NODE, BareNode } from './bare-node.ts';
import { Containers } from './containers.ts';
import { memoryOf } from './costs.ts';
import { Floatie } from './floatie.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { COLLECTOR, NODE_EXPORTER, NodeExporter, startCollector } from './peers.ts';
import { Program } from './program.ts';
import type { Results } from './results.ts';
import { rotated } from './rounds.ts';
import { sleep } from './stopping.ts';
import { attachBpftrace } from './tracers.ts';
import type { Form, Tree } from './tree.ts';

const ROUNDS = 2;
const CONTAINERS = 10;
const SCRAPES = 1000;
/** Until what is only needed at the start has been freed. */
const STARTED_MS = 500;
/** Less than the usual time between two scrapes, and enough for what is given back every five seconds. */
const SCRAPED_MS = 6000;
/** About what a scrape of that many containers sends. */
const BYTES = 100_000;
const PACKAGES = 'Node with the packages that Floatie imports';

interface Peer extends AsyncDisposable {
  readonly pid: number;
  scrape?(): Promise<unknown>;
}

const PEERS: readonly [name: string, start: () => Promise<Peer>][] = [
  [NODE_EXPORTER, () => NodeExporter.start()],
  [COLLECTOR, startCollector],
  ['bpftrace', () => attachBpftrace('read-latency.bt')],
];

const STARTED = 'after the start';
const SCRAPED = `after ${SCRAPES.toLocaleString('en')} scrapes with ${CONTAINERS} containers`;
const OVER = `anonymous memory over that of ${BARE_NODE}`;

export const memory: Part = { title: 'Memory', measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  const [here] = trees;
  here.buildSingle();
  const forms = trees.flatMap((tree) => tree.forms());
  using overlay = Overlay.mount();
  using containers = Containers.create(CONTAINERS);
  const packages = await packagesOf(here);
  for (let round = 0; round < rounds(ROUNDS); round++) {
    const bare = await bareMemory(here, results);
    for (const form of rotated(forms, round)) {
      const anonymous = await floatieMemory(form, () => containers.work(overlay.file), results);
      results.add(OVER, form.name, 'MB', anonymous - bare);
    }
    await importingMemory(packages, here, results);
    for (const [name, start] of PEERS) await peerMemory(name, start, results);
  }
  for (const { name } of forms) {
    results.compare(name, BARE_NODE);
    results.aim(OVER, name, { atMost: 15 });
  }
}

/** @returns the anonymous memory */
async function add(when: string, of: string, pid: number, results: Results): Promise<number> {
  await sleep(when === SCRAPED ? SCRAPED_MS : STARTED_MS);
  const { residentMb, anonymousMb, fileMb, mapsMb } = memoryOf(pid);
  results.add(`resident ${when}`, of, 'MB', residentMb);
  results.add(`anonymous ${when}`, of, 'MB', anonymousMb);
  results.add(`of files ${when}`, of, 'MB', fileMb);
  if (mapsMb > 0) results.add(`the kernel's maps ${when}`, of, 'MB', mapsMb);
  return anonymousMb;
}

async function floatieMemory({ name, command }: Form, work: () => Promise<void>, results: Results): Promise<number> {
  await using floatie = await Floatie.start(command);
  await floatie.scrape();
  await add(STARTED, name, floatie.pid, results);
  await work();
  for (let done = 0; done < SCRAPES; done++) await floatie.scrape();
  return await add(SCRAPED, name, floatie.pid, results);
}

async function bareMemory({ nodeFlags }: Tree, results: Results): Promise<number> {
  await using node = await BareNode.start(nodeFlags);
  await node.send(BYTES);
  await add(STARTED, BARE_NODE, node.pid, results);
  for (let done = 0; done < SCRAPES; done++) await node.send(BYTES);
  return await add(SCRAPED, BARE_NODE, node.pid, results);
}

async function peerMemory(name: string, start: () => Promise<Peer>, results: Results): Promise<void> {
  try {
    await using peer = await start();
    await peer.scrape?.();
    await add(STARTED, name, peer.pid, results);
    if (peer.scrape === undefined) return;
    for (let done = 0; done < SCRAPES; done++) await peer.scrape();
    await add(SCRAPED, name, peer.pid, results);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    results.note(`Not measured: ${error.message}`);
  }
}

async function importingMemory(packages: readonly string[], { nodeFlags }: Tree, results: Results): Promise<void> {
  const imports = packages.map((name) => `import ${JSON.stringify(name)};`).join(' ');
  const script = `${imports} console.log('ready'); setInterval(() => {}, 60_000)`;
  await using program = await Program.start(process.execPath, [...nodeFlags, '--input-type=module', '--eval', script]);
  await program.says(/ready/);
  await add(STARTED, PACKAGES, program.pid, results);
}

/** Those that it imports by the end of its first scrape. */
async function packagesOf(tree: Tree): Promise<string[]> {
  await using floatie = await Floatie.start(tree.dist('--import', join(import.meta.dirname, 'record-packages.ts')));
  await floatie.scrape();
  const found = [...floatie.log.matchAll(/^imported package (\S+)$/gm)];
  return [...new Set(found.map(([, name = '']) => name))];
}
