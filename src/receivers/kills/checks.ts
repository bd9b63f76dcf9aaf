/** The doctor's check of kills: the way to attach, tried. */
import { ok } from '../../program/check.ts';
import { type Attempt, attempt, type Checks, type Examination, refused } from '../checks.ts';
import { OBJECTS } from '../receiver.ts';
import { KillsReceiver } from './receiver.ts';
import type { KillsSettings } from './settings.ts';

export async function checks(examination: Examination<KillsSettings>): Promise<Checks> {
  const { settings, hierarchy, isWanted, method } = examination;
  const tried: Attempt<void> = await attempt(() =>
    KillsReceiver.start({
      pidNsInum: 0,
      cgroupId: 0n,
      cgroupVersion: hierarchy.version,
      ringBytes: settings.ring_bytes,
      objects: OBJECTS,
    }).stop(),
  );
  return {
    receiver: {
      'kills.tracepoint': () =>
        'error' in tried
          ? refused(tried, isWanted, false, examination)
          : ok(method === 'tracepoint' ? 'used; attached' : 'attached'),
    },
  };
}
