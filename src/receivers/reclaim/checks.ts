/** The doctor's check of reclaims: the way to attach, tried. */
import { ok } from '../../program/check.ts';
import { type Attempt, attempt, type Checks, type Examination, refused } from '../checks.ts';
import { OBJECTS } from '../receiver.ts';
import { ReclaimCounts } from './counts.ts';
import type { ReclaimSettings } from './settings.ts';

export async function checks(examination: Examination<ReclaimSettings>): Promise<Checks> {
  const { settings, hierarchy, isWanted, method } = examination;
  const tried: Attempt<void> = await attempt(() =>
    ReclaimCounts.start({
      boundsNs: settings.bounds_us.map((us) => us * 1000),
      pidNsInum: 0,
      cgroupId: 0n,
      maxMapEntries: 1,
      cgroupVersion: hierarchy.version,
      expireMs: settings.expire_ms,
      objects: OBJECTS,
    }).close(),
  );
  return {
    receiver: {
      'reclaim.tracepoint': () =>
        'error' in tried
          ? refused(tried, isWanted, false, examination)
          : ok(method === 'tracepoint' ? 'used; attached' : 'attached'),
    },
  };
}
