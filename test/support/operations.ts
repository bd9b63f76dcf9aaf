/** Does operations of each kind in live/operations.ts, and compares the counts with the table there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import type { CgroupTotals } from '../../src/receivers/overlayfs/counts.ts';
import { ERROR_TYPES, OPS } from '../../src/receivers/overlayfs/operations.ts';
import type { OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { type Count, expected, PLACES, type Place, ROWS, type Row, type Seen } from '../live/operations.ts';
import { createCgroup } from './cgroup.ts';
import { fixture } from './fixtures.ts';
import { mountOverlay } from './overlay.ts';

const PAGE = 4096;

/** What the program says of one kind. */
interface Done {
  /** How many calls returned what, by the name of errno or "ok". */
  readonly returned: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly ns: number;
}

/** What was done, and what was counted of it. */
export interface Tried {
  readonly row: Row;
  readonly kind: string;
  readonly done: Done;
  readonly counted: Seen;
  readonly countedBytes: number;
}

/** So many operations of each kind by so many threads. */
export interface Load {
  readonly count: number;
  readonly threads: number;
}

/**
 * Does the kinds of some rows, each in a cgroup of its own; what is not on the upper layer only by the first load.
 *
 * @param enter the words in front of the program that does them
 */
export async function tryOperations(
  receiver: OverlayfsReceiver,
  loads: readonly Load[],
  rows: readonly Row[] = ROWS,
  enter: readonly string[] = [],
): Promise<Tried[]> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(createCgroup('operations'));
  const places = PLACES.filter((place) => kindsOn(place, rows).length > 0);
  const cgroups = places.flatMap((place) => {
    const folder = stack.use(createCgroup(place, `${base.name.slice(1)}/${place}`));
    return kindsOn(place, rows).map(([kind, row]) => {
      const cgroup = stack.use(createCgroup(kind, `${folder.name.slice(1)}/${kind}`));
      return { place, kind, row, cgroup, id: cgroupIdOf(findHierarchy(), cgroup.name) };
    });
  });
  const done = places.map((place) => {
    const kinds = kindsOn(place, rows).map(([kind]) => kind);
    const ofPlace = place === 'upper' ? loads : loads.slice(0, 1);
    return [place, doneOn(place, kinds, join(base.path, place), ofPlace, enter)] as const;
  });
  const totals = new Map(receiver.read().map(({ cgroupId, operations }) => [cgroupId, operations]));
  return cgroups.map(({ place, kind, row, id }) => {
    const [, ofPlace] = done.find(([name]) => name === place) ?? [];
    const counted = totals.get(id) ?? {};
    return {
      row,
      kind,
      done: sum(ofPlace?.map((each) => each[kind]) ?? []),
      counted: seenIn(counted),
      countedBytes: OPS.reduce((bytes, op) => bytes + (counted[op]?.bytes ?? 0), 0),
    };
  });
}

/** The kinds of one place. */
function kindsOn(place: Place, rows: readonly Row[]): [string, Row][] {
  return rows
    .filter(({ on = 'upper' }) => on === place)
    .flatMap((row) => row.kinds.map((kind): [string, Row] => [kind, row]));
}

/** @returns what was done by each load, by kind */
function doneOn(
  place: Place,
  kinds: readonly string[],
  cgroups: string,
  loads: readonly Load[],
  enter: readonly string[],
): Record<string, Done>[] {
  using stack = new DisposableStack();
  const memory = mountMemory(stack, place === 'full' ? 'size=8m,nr_inodes=4096' : 'size=2g');
  const commands = (folder: string, call: string, ...args: string[]): string[] =>
    loads.map(({ count, threads }) => {
      const path = join(folder, String(threads));
      if (call === 'prepare') mkdirSync(path);
      const words = [fixture('ops'), call, path, String(count), String(threads), ...args, ...kinds];
      const [program = '', ...rest] = call === 'run' ? [...enter, ...words] : words;
      return execFileSync(program, rest, { encoding: 'utf8' });
    });
  const path = ((): string => {
    if (place === 'upper' || place === 'full') return prepared(mounted(stack, undefined, memory));
    if (place === 'elsewhere') return prepared(folderIn(memory, 'plain'));
    const lower = prepared(folderIn(memory, 'prepared'));
    if (place === 'read-only') return mountReadOnly(stack, lower, memory);
    const overlay = mounted(stack, lower, memory);
    return place === 'outer' ? mountReadOnly(stack, overlay, memory) : overlay;
  })();
  if (place === 'full') fill(memory);
  return commands(path, 'run', cgroups).map((text) => JSON.parse(text));

  function prepared(folder: string): string {
    commands(folder, 'prepare');
    return folder;
  }
}

function folderIn(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path);
  return path;
}

function mountMemory(stack: DisposableStack, options: string): string {
  const path = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-operations-')), (path) =>
    rmSync(path, { recursive: true }),
  );
  return mount(stack, path, '-t', 'tmpfs', '-o', options, 'tmpfs');
}

function mount(stack: DisposableStack, path: string, ...args: string[]): string {
  execFileSync('mount', [...args, path]);
  stack.defer(() => execFileSync('umount', [path]));
  return path;
}

function mounted(stack: DisposableStack, lower: string | undefined, place: string): string {
  return stack.use(mountOverlay(lower, place)).path;
}

function mountReadOnly(stack: DisposableStack, lower: string, place: string): string {
  const options = `lowerdir=${lower}:${folderIn(place, 'empty')}`;
  return mount(stack, folderIn(place, 'read-only'), '-t', 'overlay', '-o', options, 'overlay');
}

/** Until there is room neither for data nor for files. */
function fill(memory: string): void {
  const untilFull = (once: (index: number) => void): void => {
    try {
      for (let index = 0; ; index++) once(index);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  };
  untilFull(() => writeFileSync(join(memory, 'filler'), Buffer.alloc(PAGE), { flag: 'a' }));
  untilFull((index) => closeSync(openSync(join(memory, `filler-${index}`), 'w')));
}

function sum(parts: readonly (Done | undefined)[]): Done {
  const returned: Record<string, number> = {};
  let [bytes, ns] = [0, 0];
  for (const part of parts) {
    assert.ok(part);
    for (const [name, count] of Object.entries(part.returned)) returned[name] = (returned[name] ?? 0) + count;
    bytes += part.bytes;
    ns += part.ns;
  }
  return { returned, bytes, ns };
}

/** What was counted, without what is 0. */
function seenIn(operations: CgroupTotals['operations']): Seen {
  const seen: Seen = {};
  const add = (count: Count, number = 0): void => {
    if (number > 0) seen[count] = number;
  };
  for (const op of OPS) {
    const totals = operations[op];
    add(
      op,
      totals?.buckets.reduce((a, b) => a + b),
    );
    add(`${op} answer`, totals?.zeros);
    for (const type of ERROR_TYPES) add(`${op} ${type}`, totals?.[type]);
  }
  return seen;
}

/** @returns what of it is not as documented; `lost` operations may be missing */
export function differences(
  { row, kind, done, counted, countedBytes }: Tried,
  isOnFunctions: boolean,
  lost = 0,
): string[] {
  const { seen, fails } = expected(row, release(), isOnFunctions);
  const name = `${kind} on ${row.on ?? 'upper'}`;
  const calls = Object.values(done.returned).reduce((a, b) => a + b, 0);
  const problems: string[] = [];
  if (done.returned[fails ?? 'ok'] !== calls) problems.push(`${name}: returned ${JSON.stringify(done.returned)}`);
  const right = Object.fromEntries(Object.entries(seen).map(([what, count]) => [what, count * calls]));
  for (const what of new Set([...Object.keys(right), ...Object.keys(counted)])) {
    const [is, should] = [counted[what as Count] ?? 0, right[what] ?? 0];
    if (is > should || is < should - lost) problems.push(`${name}: ${is} ${what}, not ${should}`);
  }
  const moves = ((seen.read ?? 0) + (seen.write ?? 0) + (seen.splice ?? 0) + (seen.copy_range ?? 0)) * done.bytes;
  if (lost === 0 && countedBytes !== moves && done.bytes > 0)
    problems.push(`${name}: ${countedBytes} bytes, not ${moves}`);
  return problems;
}
