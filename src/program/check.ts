/** One line of `floatie doctor`, and one object of its JSON. Names and verdicts are stable; texts are for people. */
import type { Refusal } from './refusal.ts';

/**
 * - `ok`: no problem
 * - `warn`: Floatie starts, but measures something worse or not at all
 * - `fail`: Floatie does not start
 * - `unneeded`: missing, without a loss here
 * - `unknown`: this process cannot find out
 */
export type Verdict = 'ok' | 'warn' | 'fail' | 'unneeded' | 'unknown';

export interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  readonly reason: string;
  /** The cure. Absent without a problem, or where nothing helps. */
  readonly cure?: string;
}

/** A check without its name, which is its key in the table. */
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
