/** How long it takes from the start of the process to the first answered scrape, and until everything is measured. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { BARE_NODE, BareNode } from './bare-node.ts';
import { Floatie } from './floatie.ts';
import type { Bench, Part } from './part.ts';
import { rotated } from './rounds.ts';
import { sleep } from './stopping.ts';

const ROUNDS = 9;
const ANSWERED = 'from the start of the process to the first answer';
const MEASURING = 'until all programs are attached';
/** How often the answer is asked for, in ms. */
const RETRY_MS = 2;
const AIMS_MS = { dist: 500, single: 300 };

export const start: Part = { title: 'Start', measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  trees[0].buildSingle();
  const forms = trees.flatMap((tree) => tree.forms());
  for (let round = 0; round < rounds(ROUNDS); round++) {
    for (const { name, command } of rotated(forms, round)) {
      const { answeredMs, measuringMs } = await startOnce(command);
      results.add(ANSWERED, name, 'ms', answeredMs);
      results.add(MEASURING, name, 'ms', measuringMs);
    }
    results.add(ANSWERED, BARE_NODE, 'ms', await bareNodeMs());
  }
  for (const { name, kind } of forms) {
    results.compare(name, BARE_NODE);
    results.aim(ANSWERED, name, { atMost: AIMS_MS[kind] });
  }
}

async function startOnce(command: readonly string[]): Promise<{ answeredMs: number; measuringMs: number }> {
  const port = await freePort();
  const began = performance.now();
  const starting = Floatie.start(command, ['--set', `exporters.prometheus.port=${port}`]);
  const over = new AbortController();
  // Answers come before that; but a program that cannot start has none.
  starting.then(
    () => over.abort(),
    () => over.abort(),
  );
  await answered(port, over.signal);
  const answeredMs = performance.now() - began;
  await using _floatie = await starting;
  return { answeredMs, measuringMs: performance.now() - began };
}

/** Resolves once a scrape is answered. */
async function answered(port: number, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const { ok } = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => ({ ok: false }));
    if (ok) return;
    await sleep(RETRY_MS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function bareNodeMs(): Promise<number> {
  const began = performance.now();
  await using node = await BareNode.start();
  await node.send(1000);
  return performance.now() - began;
}
