/** Which operations are measured, and why the others are not. */
import type { Unmeasured } from '../../program/health.ts';
import { OPS, type Op } from './operations.ts';
import type { AttachState } from './receiver.ts';

/** Page faults of mapped files, which no way to attach can see as operations. */
const FAULT = { op: 'fault', reason: 'mapped files are read and written past overlayfs' } as const;

/** What is not measured, once for each reason. */
export function unmeasuredIn(missing: AttachState['unmeasured'], chosen: readonly Op[]): Unmeasured[] {
  const leftOut = OPS.filter((op) => !chosen.includes(op)).map((op) => ({
    op,
    reason: 'receivers.overlayfs.operations leaves it out',
  }));
  const byReason = Map.groupBy<string, { readonly op: string; readonly reason: string }>(
    [...missing, ...leftOut, FAULT],
    ({ reason }) => reason,
  );
  return Array.from(byReason, ([reason, all]) => ({ ops: all.map(({ op }) => op), reason }));
}

/** Whether each operation is measured now. */
export function measuredIn(
  { method, unmeasured }: Pick<AttachState, 'method' | 'unmeasured'>,
  chosen: readonly Op[],
): { readonly op: string; readonly isMeasured: boolean }[] {
  const missing = new Set(unmeasured.map(({ op }) => op));
  const rows = OPS.map((op) => ({ op, isMeasured: method !== null && chosen.includes(op) && !missing.has(op) }));
  return [...rows, { op: FAULT.op, isMeasured: false }];
}
