/** What each way to attach adds to a read on overlayfs, as far as this kernel offers them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findHierarchy } from '../src/containers/hierarchy.ts';
import { METHODS, type Method } from '../src/receivers/overlayfs/probes.ts';
import { OverlayfsReceiver } from '../src/receivers/overlayfs/receiver.ts';
import { compileProgram } from './compile.ts';
import { Overlay } from './overlay.ts';
import { run } from './program.ts';
import { formatSpread, type Spread, spreadOf } from './statistics.ts';
import { printTable } from './table.ts';
import { type Attach, attachEmptyPair, attachNothing } from './tracers.ts';

const ROUNDS = 9;
const TURNS = 100;
const CALLS = 2000;
const STATISTICS = '/proc/sys/kernel/bpf_stats_enabled';
const OBJECTS = join(import.meta.dirname, `../dist/bpf/${process.arch}`);

interface Measured {
  /** Of the fastest turn of each round, in ns. */
  readonly fastest: number[];
  /** What the programs ran for one read, by the kernel's own statistics; null where nothing is attached. */
  runNs: number | null;
}

export async function measureRungs(): Promise<void> {
  const loop = await compileProgram('loop');
  using overlay = Overlay.mount();
  const cpu = availableParallelism() - 1;
  const read = async (): Promise<number> => {
    const written = await run(loop, `${cpu}`, `${TURNS}`, `${CALLS}`, overlay.file);
    return spreadOf(written.trim().split('\n').map(Number)).min;
  };

  const ways = new Map<string, Attach>([
    ['nothing attached', attachNothing],
    ['an empty pair of raw tracepoints', attachEmptyPair],
    ...METHODS.map((method): [string, Attach] => [method, () => attachBy(method)]),
  ]);
  const measured = new Map<string, Measured>();
  const refused: string[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, attach] of ways) {
      try {
        await using _ = await attach();
        const one = measured.get(name) ?? { fastest: [], runNs: null };
        measured.set(name, one);
        // Statistics make programs slower, so that they have a round of their own.
        if (round === ROUNDS) one.runNs = await runTimePerRead(read);
        else one.fastest.push(await read());
      } catch (error) {
        refused.push(`${name}: ${(error as Error).message}`);
        ways.delete(name);
      }
    }
  }

  const bare = spreadOf(measured.get('nothing attached')?.fastest ?? []).min;
  const emptyRunNs = measured.get('an empty pair of raw tracepoints')?.runNs ?? Number.NaN;
  const rows = [...measured].map(([name, { fastest, runNs }]) => {
    const spread: Spread = spreadOf(fastest);
    const added = (spread.min - bare).toFixed(0);
    return runNs === null
      ? [name, formatSpread(spread), added]
      : [name, formatSpread(spread), added, runNs.toFixed(0), (runNs - emptyRunNs).toFixed(0)];
  });
  printTable(
    'pread of 1 cached byte on overlayfs, by the way to attach: ns',
    ['', 'a call takes', 'added at best', 'its programs run', 'less an empty pair'],
    rows,
  );
  for (const reason of refused) process.stdout.write(`  not here: ${reason}\n`);
}

async function attachBy(method: Method): Promise<AsyncDisposable> {
  const receiver = await OverlayfsReceiver.start({
    boundsNs: Array.from({ length: 20 }, (_, power) => 1000 * 2 ** power),
    pidNsInum: 0,
    maxMapEntries: 1024,
    maxThreads: 32_768,
    cgroupVersion: findHierarchy().version,
    expireMs: 300_000,
    objects: OBJECTS,
    attach: method,
  });
  return {
    async [Symbol.asyncDispose]() {
      receiver.stop();
    },
  };
}

/** null where no program of this process has run. */
async function runTimePerRead(read: () => Promise<unknown>): Promise<number | null> {
  const before = readFileSync(STATISTICS, 'utf8');
  writeFileSync(STATISTICS, '1');
  try {
    const start = runTimes();
    await read();
    const end = runTimes();
    // Per program, so that what else happens on the machine is in the mean only.
    return end.size === 0
      ? null
      : [...end].reduce(
          (sum, [id, { ns, runs }]) =>
            sum + (ns - (start.get(id)?.ns ?? 0)) / Math.max(1, runs - (start.get(id)?.runs ?? 0)),
          0,
        );
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
