/** Tries what Floatie would do at its start, asks each receiver for its checks, and leaves nothing behind. */
import type { Config } from '../../config/schema.ts';
import { viewOptions } from '../../config/view-options.ts';
import { findHierarchy, type Hierarchy } from '../../containers/hierarchy.ts';
import { findPlaces } from '../../containers/places.ts';
import { type Permissions, readPermissions } from '../../kernel/permissions.ts';
import { MetricRegistry } from '../../metrics/registry.ts';
import { Health, type ProbeState } from '../../program/health.ts';
import { createLogger } from '../../program/log.ts';
import { type Attempt, attempt, type Checks } from '../../receivers/checks.ts';
import { type ReceiverName, receiverNamed, receiverNames } from '../../receivers/index.ts';
import { Records } from '../../records/records.ts';
import { startReceivers } from '../../service/receivers.ts';

interface Machine {
  readonly config: Config;
  readonly permissions: Permissions;
  readonly hierarchy: Hierarchy;
  /** Whether any receiver of the pipeline loads programs. */
  readonly needsBpf: boolean;
  /** The state of each receiver after a trial start. */
  readonly receivers: Attempt<readonly ProbeState[]>;
}

export interface Examination extends Machine {
  /** Of every receiver, those that the pipeline does not name among them. */
  readonly checks: readonly Checks[];
}

export async function examine(config: Config): Promise<Examination> {
  const machine: Machine = {
    config,
    permissions: readPermissions(),
    hierarchy: findHierarchy(),
    needsBpf: needsBpf(config),
    receivers: await attempt(() => tryReceivers(config)),
  };
  const checks: Checks[] = [];
  // One after the other: each tries what it would do, and some count what all threads of this process do.
  for (const name of receiverNames) checks.push(await checksOf(name, machine));
  return { ...machine, checks };
}

export function needsBpf({ service }: Config): boolean {
  return service.pipelines.metrics.receivers.some((name) => receiverNamed(name).programs.length > 0);
}

/** The verdict on a missing requirement of BPF programs. */
export function lossOf({ needsBpf, receivers }: Machine): 'fail' | 'warn' | 'unneeded' {
  if (!needsBpf) return 'unneeded';
  return 'error' in receivers ? 'fail' : 'warn';
}

/** The method by which a receiver's probe is attached, or null. */
export function methodOf(receiver: string, machine: Machine): string | null {
  const state = stateOf(receiver, machine);
  return state?.attached ? state.method : null;
}

function stateOf(receiver: string, { receivers }: Machine): ProbeState | undefined {
  return 'error' in receivers ? undefined : receivers.value.find(({ probe }) => probe === receiver);
}

/** Starts the receivers as `floatie run` does, without their log, which is in their state as well. */
async function tryReceivers(config: Config): Promise<readonly ProbeState[]> {
  const log = createLogger('error', 'text', () => undefined);
  const health = new Health(log);
  const registry = new MetricRegistry(viewOptions(config.views));
  const receivers = await startReceivers({ config, registry, records: new Records([]), health, log });
  receivers.stop();
  return health.readiness().probes;
}

async function checksOf<N extends ReceiverName>(name: N, machine: Machine): Promise<Checks> {
  const { config, permissions, hierarchy, receivers } = machine;
  const { checks } = await receiverNamed(name).checks();
  return checks({
    settings: config.receivers[name],
    isWanted: config.service.pipelines.metrics.receivers.includes(name),
    permissions,
    hierarchy,
    places: findPlaces(config.containers.places, config.inherited.storageConf),
    starts: 'value' in receivers,
    method: methodOf(name, machine),
    gaps: stateOf(name, machine) ?? {},
  });
}
