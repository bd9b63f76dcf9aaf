/** Where the time of an operation went. */

/** In the order of `enum cause` in bpf/overlayfs.h. */
export const CAUSES = [
  'cpu',
  'runqueue',
  'device',
  'commit',
  'remote',
  'dirty_throttle',
  'memory',
  'lock',
  'other',
] as const;
export type Cause = (typeof CAUSES)[number];
