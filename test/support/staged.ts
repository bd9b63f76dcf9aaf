/** Stages an operation that is slow, and looks at what the receiver says that it waited for. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { CAUSES, type Cause } from '../../src/receivers/overlayfs/causes.ts';
import type { OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import { isOnFunctions } from '../../src/receivers/overlayfs/probes.ts';
import type { AttachState } from '../../src/receivers/overlayfs/receiver.ts';
import { createCgroup } from './cgroup.ts';
import { OPTIONS, operationsOf, started, sumByCause } from './overlayfs-receiver.ts';
import { controlledIn, type Stage } from './stages.ts';
import { isGuest } from './swap.ts';
import { mountTracefs } from './tracefs.ts';

/** Moves the shell into the cgroups behind $1. */
export const JOIN = 'overlay=$1; shift; for cgroup; do echo $$ >"$cgroup/cgroup.procs"; done; set -- "$overlay"; ';

export async function assertStaged(stage: Stage, context: TestContext): Promise<void> {
  const { op, script, least } = stage;
  const lacking = stage.lacks?.() ?? null;
  if (lacking !== null) {
    context.skip(`this machine lacks ${lacking}`);
    return;
  }
  await using cgroup = createCgroup('causes');
  await using stack = new AsyncDisposableStack();
  const folder = await stage.prepare(stack, cgroup);
  using _tracefs = mountTracefs();
  const states: AttachState[] = [];
  using receiver = await started({ ...OPTIONS, sleeps: true, onChange: (state) => states.push(state) });
  cgroup.run('sh', '-ec', JOIN + script, 'sh', folder, ...controlledIn(cgroup));
  const totals = operationsOf(receiver.it, cgroup)[op];
  const { causes = [], method = null } = states.at(-1) ?? {};
  const shares = CAUSES.map((each) => [each, totals[`${each}Ns`] / totals.sumNs] as const);
  context.diagnostic(
    shares.flatMap(([each, share]) => (share > 0 ? `${each} ${(100 * share).toFixed(1)} %` : [])).join(', '),
  );
  assert.equal(sumByCause(totals), totals.sumNs);
  const isOutside = method !== null && isOnFunctions(method);
  const cause = (isOutside && stage.causeOnFunctions) || stage.cause;
  if (!causes.includes(cause)) {
    context.skip(`this kernel does not tell ${cause}`);
    return;
  }
  const share = totals[`${cause}Ns`] / (totals.sumNs - besides(cause, totals));
  assert.ok(share >= least, `${cause} is ${share} of it`);
}

/** What is none of the cause: a busy machine makes all wait for a CPU, an emulated one needs a lot of it. */
function besides(cause: Cause, { runqueueNs, cpuNs }: OperationTotals): number {
  if (cause === 'runqueue') return 0;
  return runqueueNs + (isGuest() ? cpuNs : 0);
}
