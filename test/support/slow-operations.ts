/** Does operations of known duration, and compares the histograms with the program's own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import type { Op } from '../../src/receivers/overlayfs/operations.ts';
import type { Method } from '../../src/receivers/overlayfs/probes.ts';
import { createCgroup } from './cgroup.ts';
import { fixture } from './fixtures.ts';
import { attempted, OPTIONS } from './overlayfs-receiver.ts';
import { mountTracefs } from './tracefs.ts';

export const SLOW_US = 20_000;

const [COUNT, THREADS] = [40, 4];
/** Those of the program, in ns. */
const BOUNDS_NS = Array.from({ length: 20 }, (_, exponent) => 1000 * 2 ** exponent);

/** Makes the files that a kind of test/fixtures/ops.c needs. */
export function prepareSlow(folder: string, kind: string): void {
  execFileSync(fixture('ops'), ['prepare', folder, `${COUNT}`, `${THREADS}`, kind]);
}

/**
 * @param kinds of test/fixtures/ops.c, and the operation that each of them is
 * @returns the reason why this kernel refuses the way to attach, or null
 */
export async function compareSlow(
  method: Method,
  folder: string,
  kinds: Readonly<Record<string, Op>>,
): Promise<string | null> {
  using _tracefs = mountTracefs();
  const options = { ...OPTIONS, boundsNs: BOUNDS_NS, attach: method, tryBy: async () => null };
  const receiver = await attempted(options);
  if (receiver instanceof Error) return receiver.message;
  using attached = receiver;
  await using base = createCgroup('slow');
  for (const [kind, op] of Object.entries(kinds)) {
    await using cgroup = createCgroup(kind, `${base.name.slice(1)}/${kind}`);
    const words = ['run', folder, `${COUNT}`, `${THREADS}`, base.path, kind];
    const { [kind]: done } = JSON.parse(execFileSync(fixture('ops'), words, { encoding: 'utf8' }));
    const id = cgroupIdOf(findHierarchy(), cgroup.name);
    const totals = attached.it.read().find(({ cgroupId }) => cgroupId === id)?.operations[op];
    assert.ok(totals, `${kind} is not counted`);
    // Of getdents64 only the call that returns entries is slow.
    const slow = slowest(totals.buckets);
    const [isSlow, isSame] = [slow, slow.map((count, index) => Math.min(count, slowest(done.buckets)[index] ?? 0))].map(
      sum,
    );
    assert.equal(isSlow, COUNT, `${kind}: ${totals.buckets}`);
    const [least, most] = [COUNT * SLOW_US * 1000, done.ns];
    assert.ok(totals.sumNs >= least && totals.sumNs <= most, `${kind}: ${totals.sumNs} ns, not ${least} to ${most}`);
    // An emulated machine may do anything between the program's clock and the kernel's.
    if (process.env.TEST_CGROUP !== undefined) continue;
    assert.ok((isSame ?? 0) >= 0.99 * COUNT, `${kind}: ${totals.buckets}, not ${done.buckets}`);
    assert.ok(totals.sumNs >= 0.98 * most, `${kind}: ${totals.sumNs} ns, not ${most}`);
  }
  return null;
}

function bucketOf(us: number): number {
  return BOUNDS_NS.findIndex((bound) => us * 1000 <= bound);
}

function slowest(buckets: readonly number[]): readonly number[] {
  return buckets.slice(bucketOf(SLOW_US));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0);
}
