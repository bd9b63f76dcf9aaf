/** What following system calls adds to each of them. */
import { availableParallelism } from 'node:os';
import { compileProgram } from './compile.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { run } from './program.ts';
import { rotated } from './rounds.ts';
import { spreadOf } from './statistics.ts';
import { sleep } from './stopping.ts';
import { type Attach, attachBpftrace, attachEmptyPair, attachFloatie, attachNothing } from './tracers.ts';

const ROUNDS = 9;
/** In each round, the loop goes this often through all its system calls, this many of each. */
const TURNS = 100;
const CALLS = 2000;
/** Detaching goes on for a moment after its end is reported. */
const SETTLE_MS = 100;

/** Of what the peer adds to a read on overlayfs. */
const AIM = 1 / 3;

const BASELINE = 'nothing attached';
const EMPTY = 'an empty pair of programs';
const PEER = 'bpftrace';

export const overhead: Part = { title: 'What is added to a system call', measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  const loop = await compileProgram('loop');
  using overlay = Overlay.mount();
  const calls = ['pread of 1 cached byte on overlayfs', `pread of 1 cached byte on ${overlay.disk}`, 'getppid'];
  const cpu = availableParallelism() - 1;
  const fastest = async (): Promise<number[]> => {
    const written = await run(loop, `${cpu}`, `${TURNS}`, `${CALLS}`, overlay.file, overlay.diskFile);
    const turns = written.trim().split('\n');
    const columns = calls.map((_, column) => turns.map((turn) => Number(turn.split(' ')[column])));
    // The turn that nothing else on the machine disturbed: CPUs are often two halves of one.
    return columns.map((times) => spreadOf(times).min);
  };

  const tracers = new Map<string, Attach>([
    [EMPTY, attachEmptyPair],
    ...trees.map((tree): [string, Attach] => [tree.name, () => attachFloatie(tree)]),
    [PEER, () => attachBpftrace('read-latency.bt')],
  ]);
  for (let round = 0; round < rounds(ROUNDS); round++) {
    const bare = await measureUnder(attachNothing, fastest);
    for (const [call, ns] of bare.entries()) results.add(`${calls[call]}: takes`, BASELINE, 'ns', ns);
    for (const name of rotated([...tracers.keys()], round)) {
      try {
        const under = await measureUnder(tracers.get(name) ?? attachNothing, fastest);
        for (const [call, ns] of under.entries())
          results.add(`${calls[call]}: added`, name, 'ns', ns - (bare[call] ?? 0));
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        results.note(`Not measured: ${error.message}`);
        tracers.delete(name);
      }
    }
  }
  for (const { name } of trees) {
    results.compare(name, PEER);
    results.compare(name, EMPTY);
    results.aim(`${calls[0]}: added`, name, { atMost: AIM, of: PEER });
  }
}

async function measureUnder(attach: Attach, fastest: () => Promise<number[]>): Promise<number[]> {
  await sleep(SETTLE_MS);
  await using tracer = await attach();
  const before = await tracer.countedReads?.();
  const times = await fastest();
  const after = await tracer.countedReads?.();
  if (before !== undefined && after !== undefined && after - before < TURNS * CALLS) {
    throw new Error(`Floatie counted only ${after - before} of ${TURNS * CALLS} reads`);
  }
  return times;
}
