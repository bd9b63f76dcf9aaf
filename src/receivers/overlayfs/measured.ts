/** Which operations are measured, and why the others are not. */
import type { Gaps, Unmeasured } from '../../program/health.ts';
import { OPS, type Op } from './operations.ts';
import type { AttachState } from './receiver.ts';

type State = Pick<AttachState, 'method' | 'unmeasured'>;

interface Gap {
  readonly op: string;
  readonly reason: string;
}

/** Page faults of mapped files, which no way to attach can see as operations. */
const FAULT: Gap = { op: 'fault', reason: 'mapped files are read and written past overlayfs' };

const LEFT_OUT = 'receivers.overlayfs.operations leaves it out';
const PATHS = 'a path with a slash, and a link that is followed, can lead to any filesystem';

/** What system calls do not tell of operations that they do tell. */
const UNTOLD: { readonly [op in Op]?: string } = {
  splice: 'not where the other end can block',
  sync: 'sync() of all filesystems is no call on a file',
  open: 'an open that fails, or has O_PATH, has no descriptor to know it by',
  stat: PATHS,
  create: PATHS,
  remove: PATHS,
  rename: PATHS,
  setattr: PATHS,
};

/** What is not measured, or not all of it, once for each reason. */
export function gapsOf(state: State, chosen: readonly Op[]): Gaps {
  const leftOut = OPS.filter((op) => !chosen.includes(op)).map((op) => ({ op, reason: LEFT_OUT }));
  const partly = state.method?.startsWith('syscall') ? measuredOps(state, chosen).flatMap(untold) : [];
  const unmeasured = byReason([...state.unmeasured, ...leftOut, FAULT]);
  return { unmeasured, ...(partly.length > 0 && { partly: byReason(partly) }) };
}

/** Whether each operation is measured now. */
export function measuredIn(
  state: State,
  chosen: readonly Op[],
): { readonly op: string; readonly isMeasured: boolean }[] {
  const measured = measuredOps(state, chosen);
  return [...OPS.map((op) => ({ op, isMeasured: measured.includes(op) })), { op: FAULT.op, isMeasured: false }];
}

function measuredOps({ method, unmeasured }: State, chosen: readonly Op[]): readonly Op[] {
  return method === null ? [] : chosen.filter((op) => !unmeasured.some((missing) => missing.op === op));
}

function untold(op: Op): Gap[] {
  const reason = UNTOLD[op];
  return reason === undefined ? [] : [{ op, reason }];
}

function byReason(gaps: readonly Gap[]): Unmeasured[] {
  return Array.from(
    Map.groupBy(gaps, ({ reason }) => reason),
    ([reason, all]) => ({ ops: all.map(({ op }) => op), reason }),
  );
}
