/** Checks of each way to attach. */

import type { ProbeState } from '../../program/health.ts';
import { causeIn } from '../../program/refusal.ts';
import type { OomMethod } from '../../receivers/oom/probes.ts';
import type { Method } from '../../receivers/overlayfs/probes.ts';
import { METHODS_OF } from '../../receivers/overlayfs/receiver.ts';
import { isExact } from '../../receivers/overlayfs/trial.ts';
import { type Finding, finding, ok } from './check.ts';
import type { Examination } from './examine.ts';

export function overlayfsBy(method: Method, examination: Examination): Finding {
  const { config, overlayfs, noTrial } = examination;
  const tried = overlayfs?.get(method);
  if (tried === undefined)
    return finding('unknown', 'not tried: overlayfs is not registered in the kernel yet', 'modprobe overlay');
  if ('error' in tried) {
    const { receivers } = config.service.pipelines.metrics;
    const chosen = receivers.includes('overlayfs') ? METHODS_OF[config.receivers.overlayfs.attach] : [];
    const isAnotherThere = chosen.some((other) => 'value' in (overlayfs?.get(other) ?? {}));
    return refused(tried, chosen.includes(method), isAnotherThere, examination);
  }
  const use = methodOf('overlayfs', examination) === method ? 'used; ' : '';
  const { value: trial } = tried;
  if (trial === null) return ok(`${use}attached; whether it is exact could not be tried: ${noTrial}`);
  const counted = `counted ${trial.counted} of ${trial.done} reads in a trial`;
  if (isExact(trial)) return ok(`${use}${counted}${use === '' ? '' : unmeasuredBy('overlayfs', examination)}`);
  const reason = `${use}${counted}, ${trial.missed} runs of its programs were left out: the kernel interrupts it here`;
  return finding(use === '' ? 'unneeded' : 'warn', reason);
}

export function oomBy(method: OomMethod, examination: Examination): Finding {
  const { config, oom } = examination;
  const tried = oom.get(method);
  if (tried !== undefined && 'error' in tried) {
    const isChosen = config.service.pipelines.metrics.receivers.includes('oom');
    const isAnotherThere = [...oom.values()].some((other) => 'value' in other);
    return refused(tried, isChosen, isAnotherThere, examination);
  }
  return ok(methodOf('oom', examination) === method ? 'used; attached' : 'attached');
}

function refused(
  { error }: { readonly error: Error },
  isChosen: boolean,
  isAnotherThere: boolean,
  { receivers }: Examination,
): Finding {
  const { why, cure } = causeIn(error);
  if (!isChosen || isAnotherThere) return finding('unneeded', why, cure);
  return finding('error' in receivers ? 'fail' : 'warn', why, cure);
}

/** The method by which a receiver's probe is attached, or null. */
export function methodOf(receiver: string, examination: Examination): string | null {
  const state = stateOf(receiver, examination);
  return state?.attached ? state.method : null;
}

function unmeasuredBy(receiver: string, examination: Examination): string {
  const unmeasured = stateOf(receiver, examination)?.unmeasured ?? [];
  return unmeasured.map(({ op, reason }) => `; it does not measure ${op}: ${reason}`).join('');
}

function stateOf(receiver: string, { receivers }: Examination): ProbeState | undefined {
  return 'error' in receivers ? undefined : receivers.value.find(({ probe }) => probe === receiver);
}
