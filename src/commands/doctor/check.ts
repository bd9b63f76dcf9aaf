/** One line of `floatie doctor`. Its JSON is the same object; names and verdicts are stable, texts are for people. */

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

/** Of a message that ends with its cure in parentheses. */
export function findingOf(verdict: Verdict, message: string): Finding {
  const [, reason = message, cure] = /^(.*?)(?: \(([^()]+)\))?$/s.exec(message) ?? [];
  return finding(verdict, reason, cure);
}

export function ok(reason: string): Finding {
  return { verdict: 'ok', reason };
}

export function finding(verdict: Verdict, reason: string, cure?: string): Finding {
  return { verdict, reason, ...(cure !== undefined && { cure }) };
}
