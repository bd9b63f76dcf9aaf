/** What programs wait for: bpftrace sees every system call of a PID namespace, beside what Floatie counts. */
import { fileURLToPath } from 'node:url';
import { startBpftrace } from './bpftrace.ts';
import { isFollowed, type NamedCall, nameCall } from './file-calls.ts';
import type { Metrics } from './metrics-text.ts';

const SCRIPT = fileURLToPath(new URL('waits.bt', import.meta.url));

/** The flags with which Floatie measures all that it can. */
export const EVERY_OPERATION = [
  '--set',
  'receivers.overlayfs.operations=["read","write","transfer","sync","open","copy_up","metadata"]',
] as const;

/** Calls of one name and outcome. */
export interface Waits extends NamedCall {
  readonly succeeded: boolean;
  readonly calls: number;
  readonly ms: number;
  /** Of those that slept or took 100 µs. */
  readonly waitedMs: number;
}

export interface Observer extends AsyncDisposable {
  /** Stops observing. @returns the calls of files */
  end(): Promise<Waits[]>;
}

export async function startObserver(pidNsInum: number): Promise<Observer> {
  const bpftrace = await startBpftrace(SCRIPT, `${pidNsInum}`);
  return {
    async end() {
      return waitsIn((await bpftrace.end()) as Readonly<Record<string, Readonly<Record<string, number>>>>);
    },
    [Symbol.asyncDispose]: () => bpftrace[Symbol.asyncDispose](),
  };
}

function waitsIn(maps: Readonly<Record<string, Readonly<Record<string, number>>>>): Waits[] {
  return Object.entries(maps['@calls'] ?? {}).flatMap(([key, calls]): Waits[] => {
    const [nr = 0, names = 0, outcome = 0] = key.split(',').map(Number);
    const named = nameCall(nr, names);
    if (named === null) return [];
    // A read at the end of a file moves no byte, and is no sample.
    const succeeded = outcome === 1 || (outcome === 0 && named.op !== 'read' && named.op !== 'write');
    const [ms = 0, waitedMs = 0] = ['@took', '@waited'].map((map) => (maps[map]?.[key] ?? 0) / 1e6);
    return [{ ...named, succeeded, calls, ms, waitedMs }];
  });
}

/** What Floatie has counted of one operation. */
export interface Counted {
  readonly count: number;
  readonly ms: number;
}

const HISTOGRAM = /^floatie_overlayfs_(\w+)_latency_us_(count|sum)$/;

/** By operation, without copy-ups: those are a part of the operation that caused them. */
export function countedBy(metrics: Metrics, labels: Readonly<Record<string, string>>): Map<string, Counted> {
  const counted = new Map<string, Counted>();
  for (const { name, labels: own, value } of metrics.samples) {
    const [, histogram = '', part] = HISTOGRAM.exec(name) ?? [];
    const isOurs = Object.entries(labels).every(([key, label]) => own[key] === label);
    if (histogram === '' || histogram === 'copy_up' || !isOurs) continue;
    const op = own.op ?? histogram;
    const { count, ms } = counted.get(op) ?? { count: 0, ms: 0 };
    counted.set(op, part === 'count' ? { count: count + value, ms } : { count, ms: ms + value / 1000 });
  }
  return counted;
}

export interface Account {
  /** What Floatie counted of the calls that it follows, of what the observer saw of these. */
  readonly share: number;
  /** Of all that the programs waited for on overlayfs, the calls that Floatie follows. */
  readonly followed: number;
  readonly lines: readonly string[];
}

/** Compares the two, operation by operation. */
export function compareWaits(waits: readonly Waits[], counted: ReadonlyMap<string, Counted>): Account {
  const overlay = waits.filter(({ isOnOverlayfs }) => isOnOverlayfs);
  const followed = overlay.filter((call) => call.succeeded && isFollowed(call));
  const ops = Map.groupBy(followed, ({ op }) => op);
  const sum = (calls: readonly Waits[], what: 'ms' | 'waitedMs' | 'calls'): number =>
    calls.reduce((total, call) => total + call[what], 0);
  const lines = Array.from(ops, ([op, calls]) => {
    const { count = 0, ms = 0 } = counted.get(op) ?? {};
    return `${op}: ${sum(calls, 'calls')} calls of ${inMs(sum(calls, 'ms'))}, of it waited ${inMs(sum(calls, 'waitedMs'))}; Floatie: ${count} of ${inMs(ms)}`;
  });
  // What is too much of one operation makes up for no other.
  const ours = Array.from(ops, ([op, calls]) => Math.min(counted.get(op)?.ms ?? 0, sum(calls, 'ms')));
  const others = overlay
    .filter((call) => !followed.includes(call) && call.waitedMs >= 1)
    .sort((a, b) => b.waitedMs - a.waitedMs)
    .map((call) => {
      const { name, form, succeeded, calls, waitedMs } = call;
      return `not followed: ${calls} ${name} by ${form}${succeeded ? '' : ' that failed'}: waited ${inMs(waitedMs)}`;
    });
  const elsewhere = sum(
    waits.filter(({ isOnOverlayfs }) => !isOnOverlayfs),
    'waitedMs',
  );
  const [all, seen] = [sum(overlay, 'waitedMs'), sum(followed, 'waitedMs')];
  return {
    share: ours.reduce((total, ms) => total + ms, 0) / sum(followed, 'ms'),
    followed: all === 0 ? 1 : seen / all,
    lines: [
      `waited for overlayfs ${inMs(all)}, of it followed ${inMs(seen)}; elsewhere ${inMs(elsewhere)}`,
      ...lines,
      ...others,
    ],
  };
}

function inMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}

/** A script for Node: a database of SQLite, with a commit a row. */
export function commitRows(file: string, rows: number): string {
  return `
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync('${file}');
    database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)');
    const insert = database.prepare('INSERT INTO rows (text) VALUES (?)');
    for (let row = 0; row < ${rows}; row++) insert.run('row ' + row);
  `;
}
