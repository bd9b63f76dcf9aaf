/** Stages an operation that is slow, and looks at what the receiver says that it waited for. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { CAUSES, type Cause } from '../../src/receivers/overlayfs/causes.ts';
import type { OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import { isOnFunctions } from '../../src/receivers/overlayfs/probes.ts';
import type { AttachState, OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { createCgroup } from './cgroup.ts';
import { OPTIONS, operationsOf, started, sumByCause } from './overlayfs-receiver.ts';
import { controlledIn, isGuest, type Stage } from './stages.ts';
import { mountTracefs } from './tracefs.ts';

/** Moves the shell into the cgroups behind $1. */
export const JOIN = 'overlay=$1; shift; for cgroup; do echo $$ >"$cgroup/cgroup.procs"; done; set -- "$overlay"; ';

/** A receiver that follows sleeps, for any number of stages: to start one takes an emulated machine ten seconds. */
export class Observer implements Disposable {
  readonly receiver: OverlayfsReceiver;
  readonly #states: AttachState[];
  readonly #resources: DisposableStack;

  private constructor(receiver: OverlayfsReceiver, states: AttachState[], resources: DisposableStack) {
    this.receiver = receiver;
    this.#states = states;
    this.#resources = resources;
  }

  static async start(): Promise<Observer> {
    using resources = new DisposableStack();
    resources.use(mountTracefs());
    const states: AttachState[] = [];
    const onChange = (state: AttachState): void => void states.push(state);
    const receiver = resources.use(await started({ ...OPTIONS, maxMapEntries: 1024, sleeps: true, onChange })).it;
    return new Observer(receiver, states, resources.move());
  }

  get state(): AttachState | undefined {
    return this.#states.at(-1);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

export async function assertStaged(stage: Stage, context: TestContext, observer: Observer): Promise<void> {
  const { op, script, least } = stage;
  const lacking = stage.lacks?.() ?? null;
  if (lacking !== null) {
    context.skip(`this machine lacks ${lacking}`);
    return;
  }
  await using cgroup = createCgroup('causes');
  await using stack = new AsyncDisposableStack();
  const folder = await stage.prepare(stack, cgroup);
  cgroup.run('sh', '-ec', JOIN + script, 'sh', folder, ...controlledIn(cgroup));
  const totals = operationsOf(observer.receiver, cgroup)[op];
  const { causes = [], method = null } = observer.state ?? {};
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
