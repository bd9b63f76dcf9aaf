import type { Receiver } from '../receiver.ts';
import { overlayfsMetrics } from './metrics.ts';
import { type OverlayfsSettings, settings } from './settings.ts';
import { SLOW_OPERATION } from './slow-schema.ts';

/** The latency of operations on overlayfs. */
export const overlayfs: Receiver<'overlayfs', OverlayfsSettings> = {
  name: 'overlayfs',
  settings,
  metrics: overlayfsMetrics,
  records: [SLOW_OPERATION],
  programs: ['overlayfs.bpf.o', 'overlayfs_typed.bpf.o'],
  checks: () => import('./checks.ts'),
  load: () => import('./start.ts'),
};
