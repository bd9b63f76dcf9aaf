/** Totals of an operation that nobody did, for tests to change. */
import { CELLS, type OperationTotals } from '../../src/receivers/overlayfs/counts.ts';

/** @param buckets how many */
export function nothingDone(buckets: number): OperationTotals {
  const zeros = Object.fromEntries(CELLS.map((cell) => [cell, 0])) as Record<(typeof CELLS)[number], number>;
  return { ...zeros, buckets: new Array<number>(buckets).fill(0) };
}
