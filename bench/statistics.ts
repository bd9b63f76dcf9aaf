/** Many measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

/** The spread of a divided by b, round by round: what disturbs a whole round disturbs both. */
export function ratioOf(a: readonly number[], b: readonly number[]): Spread {
  // Without a partner in the same round, each is divided by the median.
  const { median } = spreadOf(b);
  return spreadOf(a.map((value, round) => value / (a.length === b.length ? (b[round] ?? median) : median)));
}
