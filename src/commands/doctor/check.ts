/** One line of `floatie doctor`. Its JSON is the same object; names and verdicts are stable, texts are for people. */
import type { Refusal } from '../../program/refusal.ts';

/**
 * - `ok`: as it should be
 * - `warn`: Floatie starts, and something is measured worse or not at all
 * - `fail`: for this reason Floatie does not start
 * - `unneeded`: not there, and nothing is lost by it here
 * - `unknown`: this process cannot find out
 */
export type Verdict = 'ok' | 'warn' | 'fail' | 'unneeded' | 'unknown';

export interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  readonly reason: string;
  /** What to do about it. Absent where nothing need be done, or nothing helps. */
  readonly cure?: string;
}

/** Without its name, which the table gives. */
export type Finding = Omit<Check, 'name'>;

export function findingOf(verdict: Verdict, { problem, cure }: Refusal): Finding {
  return finding(verdict, problem, cure);
}

export function ok(reason: string): Finding {
  return { verdict: 'ok', reason };
}

export function finding(verdict: Verdict, reason: string, cure?: string): Finding {
  return { verdict, reason, ...(cure !== undefined && { cure }) };
}
