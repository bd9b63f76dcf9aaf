/**
 * Compares a run with an earlier one by what another machine's speed does not change: ratios to a peer of the same run,
 * and Floatie's amounts of bytes and calls.
 */
import { type Figure, OURS, type Report, type Unit } from './results.ts';
import type { Spread } from './statistics.ts';
import { number } from './tables.ts';

/** Smaller changes are not told, however close together all rounds are: where there are enough rounds, and else. */
const [TOLERANCE, TOLERANCE_OF_FEW] = [0.02, 0.1];
const FEW_ROUNDS = 3;
const AMOUNTS: readonly Unit[] = ['MB', 'kB', 'calls'];

export interface Change {
  readonly part: string;
  readonly what: string;
  readonly of: string;
  /** The peer of the ratio, or the unit of the amount. */
  readonly than: string;
  readonly earlier: Spread;
  readonly now: Spread;
  /** Less is better. Unchanged: within the spread of one of the runs. */
  readonly verdict: 'worse' | 'better' | 'unchanged';
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** Figures that only one of the runs has, or that have no ratio: how many. */
  readonly uncompared: number;
}

export function compareReports(earlier: Report, now: Report): Comparison {
  const before = new Map(figuresOf(earlier).map(([part, figure]) => [keyOf(part, figure), figure]));
  let uncompared = 0;
  const changes = figuresOf(now).flatMap(([part, figure]) => {
    const known = before.get(keyOf(part, figure));
    const pairs = known === undefined ? [] : comparable(known, figure);
    if (pairs.length === 0) uncompared += 1;
    const { what, of } = figure;
    const isFew = Math.min(figure.rounds, known?.rounds ?? 0) < FEW_ROUNDS;
    const tolerance = isFew ? TOLERANCE_OF_FEW : TOLERANCE;
    return pairs.map((pair): Change => ({ part, what, of, ...pair, verdict: verdictOn(pair, tolerance) }));
  });
  return { changes, uncompared };
}

function figuresOf({ parts }: Report): [part: string, figure: Figure][] {
  return parts.flatMap(({ name, figures }) => figures.map((figure): [string, Figure] => [name, figure]));
}

function keyOf(part: string, { what, of, unit }: Figure): string {
  return JSON.stringify([part, what, of, unit]);
}

function comparable(earlier: Figure, now: Figure): Pick<Change, 'than' | 'earlier' | 'now'>[] {
  const pairs = Object.entries(now.ratios).flatMap(([than, ratio]) => {
    const known = earlier.ratios[than];
    return known === undefined ? [] : [{ than, earlier: known, now: ratio }];
  });
  const isAmount = AMOUNTS.includes(now.unit) && now.of.startsWith(OURS);
  return pairs.length === 0 && isAmount ? [{ than: now.unit, earlier, now }] : pairs;
}

/** A change counts when the median of each run lies beyond every round of the other. */
function verdictOn({ earlier, now }: Pick<Change, 'earlier' | 'now'>, tolerance: number): Change['verdict'] {
  if (Math.abs(now.median - earlier.median) <= tolerance * Math.abs(earlier.median)) return 'unchanged';
  if (now.median > earlier.max && earlier.median < now.min) return 'worse';
  return now.median < earlier.min && earlier.median > now.max ? 'better' : 'unchanged';
}

export function describeComparison({ changes, uncompared }: Comparison): string {
  const lines = (['worse', 'better'] as const).flatMap((verdict) =>
    changes
      .filter((change) => change.verdict === verdict)
      .map(({ part, what, of, than, earlier, now }) => {
        const unit = AMOUNTS.includes(than as Unit) ? than : `of ${than}`;
        return `  ${verdict}: ${part}: ${what}: ${of}: ${number(earlier.median)} → ${number(now.median)} ${unit}`;
      }),
  );
  const unchanged = changes.filter(({ verdict }) => verdict === 'unchanged').length;
  const rest = `${unchanged} unchanged, ${uncompared} not comparable: no peer, or not in both runs`;
  return `\nAgainst the earlier run\n${lines.map((line) => `${line}\n`).join('')}  ${rest}\n`;
}
