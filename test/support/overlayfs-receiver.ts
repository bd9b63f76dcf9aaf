/** The overlayfs receiver in the test's own process, and its counts. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { CAUSES } from '../../src/receivers/overlayfs/causes.ts';
import { CELLS, type OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import { eachOp } from '../../src/receivers/overlayfs/operations.ts';
import { type OverlayfsOptions, OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import type { Cgroup } from './cgroup.ts';

export const OPTIONS: OverlayfsOptions = {
  boundsNs: [1e3, 1e6, 1e9],
  pidNsInum: 0,
  maxMapEntries: 16,
  maxThreads: 32_768,
  cgroupVersion: findHierarchy().version,
  expireMs: 60_000,
  objects: fileURLToPath(new URL(`../../dist/bpf/${process.arch}/`, import.meta.url)),
};

/** The totals of an operation that was never done. */
const NEVER: OperationTotals = {
  ...(Object.fromEntries(CELLS.map((cell) => [cell, 0])) as Record<(typeof CELLS)[number], number>),
  buckets: [0],
};

export async function started(options: OverlayfsOptions): Promise<Disposable & { it: OverlayfsReceiver }> {
  const it = await OverlayfsReceiver.start(options);
  return { it, [Symbol.dispose]: () => it.stop() };
}

/** @returns the receiver, or the error of its start */
export async function attempted(options: OverlayfsOptions): Promise<(Disposable & { it: OverlayfsReceiver }) | Error> {
  try {
    return await started(options);
  } catch (error) {
    return error as Error;
  }
}

export function operationsOf(receiver: OverlayfsReceiver, cgroup: Cgroup) {
  const cgroups = new Cgroups(findHierarchy().mount);
  cgroups.learn(receiver.cgroupIds());
  const totals = receiver.read().find(({ cgroupId }) => cgroupId !== null && cgroups.path(cgroupId) === cgroup.name);
  assert.ok(totals, `no counts for ${cgroup.name}`);
  return { ...eachOp(() => NEVER), ...totals.operations };
}

/** The time by cause, in ns, which adds up to `sumNs`. */
export function sumByCause(totals: OperationTotals): number {
  return CAUSES.reduce((sum, cause) => sum + totals[`${cause}Ns`], 0);
}

/** The successes; an operation that was never done has no totals. */
export function count(totals: { readonly buckets: readonly number[] } | undefined): number {
  return totals?.buckets.reduce((a, b) => a + b) ?? 0;
}
