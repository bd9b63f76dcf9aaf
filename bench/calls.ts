/** What is added to the operations that are neither reads nor writes. */
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { EVERY_OPERATION } from '../test/support/waits.ts';
import { compileProgram } from './compile.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { run } from './program.ts';
import { rotated } from './rounds.ts';
import { spreadOf } from './statistics.ts';
import { sleep } from './stopping.ts';
import { type Attach, attachBpftrace, attachFloatie } from './tracers.ts';

const ROUNDS = 4;
const TURNS = 40;
const CALLS = 100;
/** Detaching goes on for a moment after its end is reported. */
const SETTLE_MS = 200;

const BASELINE = 'nothing attached';
const PEER = 'bpftrace';

export const calls: Part = { title: 'What is added to other operations on overlayfs', measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  const program = await compileProgram('calls');
  using overlay = Overlay.mount();
  const cpu = availableParallelism() - 1;
  const fastest = async (): Promise<[name: string, ns: number][]> => {
    const written = await run(program, `${cpu}`, `${TURNS}`, `${CALLS}`, dirname(overlay.file));
    const [names = [], ...turns] = written
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    return names.map((name, column) => [name, spreadOf(turns.map((turn) => Number(turn[column]))).min]);
  };

  const tracers = new Map<string, Attach>([
    ...trees.map((tree): [string, Attach] => [tree.name, () => attachFloatie(tree, EVERY_OPERATION)]),
    [PEER, () => attachBpftrace('call-latency.bt')],
  ]);
  for (let round = 0; round < rounds(ROUNDS); round++) {
    const bare = new Map(await fastest());
    for (const [name, ns] of bare) results.add(`${name}: takes`, BASELINE, 'ns', ns);
    for (const of of rotated([...tracers.keys()], round)) {
      try {
        {
          await using _ = await tracers.get(of)?.();
          for (const [name, ns] of await fastest()) results.add(`${name}: added`, of, 'ns', ns - (bare.get(name) ?? 0));
        }
        await sleep(SETTLE_MS);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        results.note(`Not measured: ${error.message}`);
        tracers.delete(of);
      }
    }
  }
  for (const { name } of trees) results.compare(name, PEER);
}
