/** Who shares a bound with whom: whatever a container makes more of costs nobody else anything. */
import type { Identity } from '../containers/identity.ts';

/** How many parts of a path are a place where no container is: `/user.slice/user-1000.slice`. */
const PLACE_PARTS = 2;

/**
 * What shares its bounds: a pod, a container, or else the upper part of the cgroup's path, below which whoever lives
 * there may make as many cgroups as it likes.
 */
export function placeOf(owner: Identity): { readonly place: string; readonly whole: Identity } {
  const { cgroup, containerId, podUid } = owner;
  const parts = cgroup.split('/');
  const isPlace = (part: string): boolean =>
    podUid === undefined
      ? containerId !== undefined && part.includes(containerId)
      : part.replaceAll('_', '-').includes(podUid);
  const at = parts.findIndex(isPlace);
  const path = parts.slice(0, at < 0 ? PLACE_PARTS + 1 : at + 1).join('/');
  return {
    place: podUid ?? containerId ?? path,
    whole: { cgroup: path, ...(podUid !== undefined ? { podUid } : containerId !== undefined && { containerId }) },
  };
}
