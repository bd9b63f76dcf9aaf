import type { Receiver } from '../receiver.ts';
import { metrics } from './metrics.ts';
import { type PressureSettings, settings } from './settings.ts';

/** How hard memory presses, and how much of it containers may still take. */
export const pressure: Receiver<'pressure', PressureSettings> = {
  name: 'pressure',
  settings,
  metrics: Object.values(metrics),
  programs: [],
  checks: () => import('./checks.ts'),
  load: () => import('./start.ts'),
};
