/** Tries what Floatie would do at its start, and every way to attach, and leaves nothing behind. */
import type { Config } from '../../config/schema.ts';
import { viewOptions } from '../../config/view-options.ts';
import { findHierarchy, type Hierarchy } from '../../containers/hierarchy.ts';
import { checkKernel, explain } from '../../kernel/explain.ts';
import { type Permissions, readPermissions } from '../../kernel/permissions.ts';
import { MetricRegistry } from '../../metrics/registry.ts';
import { openOnDetachedOverlay } from '../../native/index.ts';
import { Health, type ProbeState } from '../../program/health.ts';
import { createLogger } from '../../program/log.ts';
import { receivers as all } from '../../receivers/index.ts';
import { OOM_METHODS, type OomMethod } from '../../receivers/oom/probes.ts';
import { OomReceiver } from '../../receivers/oom/receiver.ts';
import { METHODS, type Method } from '../../receivers/overlayfs/probes.ts';
import { isOverlayfsRegistered } from '../../receivers/overlayfs/receiver.ts';
import { type Trial, tryMethod } from '../../receivers/overlayfs/trial.ts';
import { OBJECTS } from '../../receivers/receiver.ts';
import { Records } from '../../records/records.ts';
import { startReceivers } from '../../service/receivers.ts';

/** What became of an attempt. */
export type Attempt<T> = { readonly value: T } | { readonly error: Error };

export interface Examination {
  readonly config: Config;
  readonly permissions: Permissions;
  readonly hierarchy: Hierarchy;
  /** Whether any receiver of the pipeline loads programs. */
  readonly needsBpf: boolean;
  /** The receivers as they would run. */
  readonly receivers: Attempt<readonly ProbeState[]>;
  /** null: not tried, since overlayfs is not registered in the kernel. */
  readonly overlayfs: ReadonlyMap<Method, Attempt<Trial | null>> | null;
  /** Why no trial is possible here, or null. */
  readonly noTrial: string | null;
  readonly oom: ReadonlyMap<OomMethod, Attempt<void>>;
}

export async function examine(config: Config): Promise<Examination> {
  const { receivers } = config.service.pipelines.metrics;
  const hierarchy = findHierarchy();
  const overlayfs = isOverlayfsRegistered() ? new Map<Method, Attempt<Trial | null>>() : null;
  for (const method of METHODS) {
    overlayfs?.set(
      method,
      await attempt(() => {
        checkKernel();
        return tryMethod({ objects: OBJECTS }, method);
      }),
    );
  }
  const oom = new Map<OomMethod, Attempt<void>>();
  for (const method of OOM_METHODS) {
    oom.set(method, await attempt(() => tryOom(config, hierarchy, method)));
  }
  const isWithoutTrial = [...(overlayfs?.values() ?? [])].some((tried) => 'value' in tried && tried.value === null);
  return {
    config,
    permissions: readPermissions(),
    hierarchy,
    needsBpf: all.some(({ name, programs }) => receivers.includes(name) && programs.length > 0),
    receivers: await attempt(() => tryReceivers(config)),
    overlayfs,
    noTrial: isWithoutTrial ? whyNoTrial() : null,
    oom,
  };
}

/** What it means that something is missing which loading programs needs. */
export function lossOf({ needsBpf, receivers }: Examination): 'fail' | 'warn' | 'unneeded' {
  if (!needsBpf) return 'unneeded';
  return 'error' in receivers ? 'fail' : 'warn';
}

async function attempt<T>(work: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: explain(error) as Error };
  }
}

/** Exactly as `floatie run` starts them; what they log is in their state. */
async function tryReceivers(config: Config): Promise<readonly ProbeState[]> {
  const log = createLogger('error', 'text', () => undefined);
  const health = new Health(log);
  const registry = new MetricRegistry(viewOptions(config.views));
  const receivers = await startReceivers({ config, registry, records: new Records([]), health, log });
  receivers.stop();
  return health.readiness().probes;
}

function tryOom(config: Config, { version }: Hierarchy, method: OomMethod): void {
  const filter = { pidNsInum: 0, cgroupId: 0n, cgroupVersion: version };
  OomReceiver.start({
    ...filter,
    ringBytes: config.receivers.oom.ring_bytes,
    objects: OBJECTS,
    methods: [method],
  }).stop();
}

function whyNoTrial(): string {
  try {
    for (const reader of openOnDetachedOverlay(1, 1)) reader.close();
    return 'it did not come to a trial';
  } catch (error) {
    return (error as Error).message;
  }
}
