import type { Receiver } from '../receiver.ts';
import { metrics } from './metrics.ts';
import { KILL } from './record-schema.ts';
import { type KillsSettings, settings } from './settings.ts';

/** Every SIGKILL that ends a process: who sent it, and why. */
export const kills: Receiver<'kills', KillsSettings> = {
  name: 'kills',
  settings,
  metrics: Object.values(metrics),
  programs: ['kills.bpf.o'],
  records: [KILL],
  checks: () => import('./checks.ts'),
  load: () => import('./start.ts'),
};
