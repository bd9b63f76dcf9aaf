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

/** What the kernel counts of each task, without a further program. `cpu` where an operation never slept. */
export const UNAIDED: readonly Cause[] = ['cpu', 'runqueue', 'other'];

/** What a thread did meanwhile. */
export const MEANINGS: { readonly [cause in Cause]: string } = {
  cpu: 'it ran',
  runqueue: 'it was ready to run and waited for a CPU',
  device: 'it slept for a device',
  commit: 'it slept for the journal of a filesystem',
  remote: 'it slept for the answer of a server: FUSE, NFS',
  dirty_throttle: 'it was slowed down, since too many pages were dirty',
  memory: 'it reclaimed memory, or slept for memory',
  lock: 'it slept for a lock',
  other: 'it slept for something else, or it is not known',
};
