import type { Receiver } from '../receiver.ts';
import { metrics } from './metrics.ts';
import { type OverlayfsSettings, settings } from './settings.ts';

/** How long reads and writes of files on overlayfs take. */
export const overlayfs: Receiver<'overlayfs', OverlayfsSettings> = {
  name: 'overlayfs',
  settings,
  metrics: Object.values(metrics),
  programs: ['overlayfs.bpf.o'],
  load: () => import('./start.ts'),
};
