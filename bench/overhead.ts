/** What following system calls adds to each of them. */
import { availableParallelism } from 'node:os';
import { compileProgram } from './compile.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import { run } from './program.ts';
import { formatSpread, type Spread, spreadOf } from './statistics.ts';
import { sleep } from './stopping.ts';
import { judge, printTable } from './table.ts';
import { type Attach, attachBpftrace, attachEmptyPair, attachFloatie, attachNothing } from './tracers.ts';

const ROUNDS = 13;
/** In each round, the loop goes this often through all its system calls, this many of each. */
const TURNS = 100;
const CALLS = 2000;
/** Detaching goes on for a moment after its end is reported. */
const SETTLE_MS = 100;

/** Of what the peer adds to a read on overlayfs. */
const AIM = 1 / 3;
/** More than what an empty pair adds, in ns, for each call of loop.c. */
const AIMS_NS = [350, 120, 30];

const BASELINE = 'nothing attached';
const EMPTY = 'an empty pair of programs';
const PEER = 'bpftrace';
const TRACERS: Record<string, Attach> = {
  [BASELINE]: attachNothing,
  [EMPTY]: attachEmptyPair,
  Floatie: attachFloatie,
  [PEER]: attachBpftrace,
};

/** For each tracer, one list per system call of loop.c with one time per round, in ns. */
type Times = Map<string, number[][]>;

export async function measureOverhead(): Promise<void> {
  const loop = await compileProgram('loop');
  using overlay = Overlay.mount();
  const cpu = availableParallelism() - 1;
  const measure = async (): Promise<number[]> => {
    const written = await run(loop, `${cpu}`, `${TURNS}`, `${CALLS}`, overlay.file, overlay.diskFile);
    const turns = written.trim().split('\n');
    const columns = [0, 1, 2].map((column) => turns.map((turn) => Number(turn.split(' ')[column])));
    // The turn that nothing else on the machine disturbed: CPUs are often two halves of one.
    return columns.map((times) => spreadOf(times).min);
  };

  const times: Times = new Map();
  const missing = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of rotated(Object.keys(TRACERS), round)) {
      if (missing.has(name)) continue;
      try {
        const fastest = await measureUnder(TRACERS[name] ?? attachNothing, measure);
        const columns = times.get(name) ?? fastest.map(() => []);
        times.set(name, columns);
        for (const [call, ns] of fastest.entries()) columns[call]?.push(ns);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        missing.set(name, error.message);
      }
    }
  }

  const calls = ['pread of 1 cached byte on overlayfs', `pread of 1 cached byte on ${overlay.disk}`, 'getppid'];
  for (const [call, title] of calls.entries()) printCall(title, call, times);
  for (const reason of missing.values()) process.stdout.write(`\nNot compared: ${reason}\n`);
}

/** Another order each time, so that none is always the first after a pause. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const from = by % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
}

async function measureUnder(attach: Attach, measure: () => Promise<number[]>): Promise<number[]> {
  await sleep(SETTLE_MS);
  await using tracer = await attach();
  const before = await tracer.countedReads?.();
  const fastest = await measure();
  const after = await tracer.countedReads?.();
  if (before !== undefined && after !== undefined && after - before < TURNS * CALLS) {
    throw new Error(`Floatie counted only ${after - before} of ${TURNS * CALLS} reads`);
  }
  return fastest;
}

/**
 * Next to the medians, the fastest of all rounds, from which the ratio is taken: whatever else runs on the machine
 * makes a call slower, never faster.
 */
function printCall(title: string, call: number, times: Times): void {
  const under = (name: string): number[] => times.get(name)?.[call] ?? [];
  const bare = under(BASELINE);
  const addedByRound = (name: string): Spread =>
    spreadOf(under(name).map((ns, round) => ns - (bare[round] ?? Number.NaN)));
  const addedAtBest = (name: string): number => spreadOf(under(name)).min - spreadOf(bare).min;

  const rows = [...times.keys()].map((name) => {
    const total = formatSpread(spreadOf(under(name)));
    if (name === BASELINE) return [name, total];
    const added = addedAtBest(name);
    const cells = [name, total, formatSpread(addedByRound(name)), added.toFixed(0)];
    cells.push(times.has(PEER) ? (added / addedAtBest(PEER)).toFixed(2) : '');
    if (name !== 'Floatie') return cells;
    const overEmpty = added - addedAtBest(EMPTY);
    const aimNs = AIMS_NS[call] ?? Number.NaN;
    cells.push(judge(`at most ${aimNs} over an empty pair`, overEmpty <= aimNs));
    if (call === 0 && times.has(PEER)) cells.push(judge("at most 1/3 of the peer's", added / addedAtBest(PEER) <= AIM));
    return cells;
  });
  printTable(`${title}: ns`, ['', 'a call takes', 'added', 'at best', `of ${PEER}'s`, 'aims'], rows);
}
