import type { Receiver } from '../receiver.ts';
import { metrics } from './metrics.ts';
import { OOM_KILL } from './record-schema.ts';
import { type OomSettings, settings } from './settings.ts';

/** OOM kills: the victim, the trigger, and whose memory ran out. */
export const oom: Receiver<'oom', OomSettings> = {
  name: 'oom',
  settings,
  metrics: Object.values(metrics),
  programs: ['oom.bpf.o'],
  records: [OOM_KILL],
  checks: () => import('./checks.ts'),
  load: () => import('./start.ts'),
};
