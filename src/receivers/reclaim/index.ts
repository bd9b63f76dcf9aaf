import type { Receiver } from '../receiver.ts';
import { metrics } from './metrics.ts';
import { type ReclaimSettings, settings } from './settings.ts';

/** How long tasks wait while they reclaim memory themselves. */
export const reclaim: Receiver<'reclaim', ReclaimSettings> = {
  name: 'reclaim',
  settings,
  metrics: Object.values(metrics),
  programs: ['reclaim.bpf.o'],
  checks: () => import('./checks.ts'),
  load: () => import('./start.ts'),
};
