/** What each way to attach adds to a read on overlayfs, as far as this kernel offers them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { METHODS } from '../src/receivers/overlayfs/probes.ts';
import { compileProgram } from './compile.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { run } from './program.ts';
import { spreadOf } from './statistics.ts';
import { type Attach, attachEmptyPair, attachReceiver } from './tracers.ts';

const ROUNDS = 5;
const TURNS = 100;
const CALLS = 2000;
const STATISTICS = '/proc/sys/kernel/bpf_stats_enabled';

const BARE = 'nothing attached';
const EMPTY = 'an empty pair of raw tracepoints';
const TAKES = 'a call takes';
const ADDED = 'added to a call';
const RUNS = 'its programs run for a call';

export const rungs: Part = { title: 'pread of 1 cached byte on overlayfs, by the way to attach', measure };

async function measure({ results, rounds }: Bench): Promise<void> {
  const loop = await compileProgram('loop');
  using overlay = Overlay.mount();
  const cpu = availableParallelism() - 1;
  const read = async (): Promise<number> => {
    const written = await run(loop, `${cpu}`, `${TURNS}`, `${CALLS}`, overlay.file);
    return spreadOf(written.trim().split('\n').map(Number)).min;
  };

  const ways = new Map<string, Attach>([
    [EMPTY, attachEmptyPair],
    ...METHODS.map((attach): [string, Attach] => [attach, () => attachReceiver({ attach })]),
  ]);
  const last = rounds(ROUNDS);
  for (let round = 0; round <= last; round++) {
    const bare = await read();
    results.add(TAKES, BARE, 'ns', bare);
    for (const [name, attach] of ways) {
      try {
        await using _ = await attach();
        // Statistics make programs slower, so that they have a round of their own.
        if (round === last) results.add(RUNS, name, 'ns', await runTimePerRead(read));
        else results.add(ADDED, name, 'ns', (await read()) - bare);
      } catch (error) {
        results.note(`Not measured: ${name}: ${(error as Error).message}`);
        ways.delete(name);
      }
    }
  }
  for (const method of METHODS) results.compare(method, EMPTY);
}

async function runTimePerRead(read: () => Promise<unknown>): Promise<number> {
  const before = readFileSync(STATISTICS, 'utf8');
  writeFileSync(STATISTICS, '1');
  try {
    const start = runTimes();
    await read();
    const end = runTimes();
    // Per program, so that what else happens on the machine is in the mean only. Some run for the end of a thread alone.
    return [...end].reduce((sum, [id, { ns, runs }]) => {
      const before = start.get(id) ?? { ns: 0, runs: 0 };
      const more = runs - before.runs;
      return more < TURNS * CALLS ? sum : sum + (ns - before.ns) / more;
    }, 0);
  } finally {
    writeFileSync(STATISTICS, before);
  }
}

/** Of the programs that this process holds and that have run, by their ids. */
function runTimes(): Map<string, { readonly ns: number; readonly runs: number }> {
  const times = new Map<string, { ns: number; runs: number }>();
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    const path = `/proc/self/fdinfo/${fd}`;
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const [id, ns, runs] = ['prog_id', 'run_time_ns', 'run_cnt'].map(
      (key) => new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(text)?.[1],
    );
    if (id !== undefined && ns !== undefined && Number(runs) > 0) times.set(id, { ns: Number(ns), runs: Number(runs) });
  }
  return times;
}
