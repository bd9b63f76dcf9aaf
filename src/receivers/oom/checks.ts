/** The doctor's checks of OOM kills: each way to attach, tried, and the kernel's log. */
import { type Finding, finding, ok } from '../../program/check.ts';
import { type Attempt, attempt, type Checks, type Examination, refused } from '../checks.ts';
import { OBJECTS } from '../receiver.ts';
import { Kmsg } from './kernel-log.ts';
import { OOM_METHODS, type OomMethod } from './probes.ts';
import { OomReceiver } from './receiver.ts';
import type { OomSettings } from './settings.ts';

/** What became of each way to attach. */
export type Rungs = ReadonlyMap<OomMethod, Attempt<void>>;

export async function checks(examination: Examination<OomSettings>): Promise<Checks> {
  const rungs = new Map<OomMethod, Attempt<void>>();
  for (const method of OOM_METHODS) rungs.set(method, await attempt(() => tryMethod(method, examination)));
  const isScopeLost = losesScope(rungs, examination);
  return {
    receiver: {
      ...Object.fromEntries(OOM_METHODS.map((method) => [`oom.${method}`, () => oomBy(method, rungs, examination)])),
      kernel_log: () => kernelLog(isScopeLost),
    },
    capabilities: isScopeLost ? ['CAP_SYSLOG'] : [],
  };
}

function tryMethod(method: OomMethod, { settings, hierarchy }: Examination<OomSettings>): void {
  OomReceiver.start({
    pidNsInum: 0,
    cgroupId: 0n,
    cgroupVersion: hierarchy.version,
    ringBytes: settings.ring_bytes,
    objects: OBJECTS,
    methods: [method],
  }).stop();
}

/** Where `oom_kill_process` cannot be attached, only the kernel's log tells whose limit was reached. */
export function losesScope(rungs: Rungs, { isWanted }: Pick<Examination<OomSettings>, 'isWanted'>): boolean {
  const isFollowed = [...rungs].some(([method, tried]) => method !== 'tracepoint' && 'value' in tried);
  return isWanted && !isFollowed;
}

export function oomBy(
  method: OomMethod,
  rungs: Rungs,
  examination: Pick<Examination<OomSettings>, 'isWanted' | 'method' | 'starts'>,
): Finding {
  const tried = rungs.get(method);
  if (tried !== undefined && 'error' in tried) {
    const isAnotherThere = [...rungs.values()].some((other) => 'value' in other);
    return refused(tried, examination.isWanted, isAnotherThere, examination);
  }
  return ok(examination.method === method ? 'used; attached' : 'attached');
}

function kernelLog(isScopeLost: boolean): Finding {
  try {
    new Kmsg().close();
    return ok('/dev/kmsg can be read');
  } catch (error) {
    const { code = (error as Error).message } = error as NodeJS.ErrnoException;
    const reason = `/dev/kmsg cannot be read (${code})`;
    if (!isScopeLost) return finding('unneeded', reason);
    const cure = 'run it as root; in a container: --device /dev/kmsg --cap-add SYSLOG';
    return finding('warn', `${reason}: the scope of OOM kills is "unknown"`, cure);
  }
}
