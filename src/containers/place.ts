/** Who shares a bound with whom: whatever a container makes more of costs nobody else anything. */
import { type Identity, identify, userOf } from './identity.ts';

/** How many parts of a path are a place where no container is, or a user's: `/user.slice/user-1000.slice`. */
const PLACE_PARTS = 2;

/**
 * What shares its bounds: a pod, a container, or else the upper part of the cgroup's path, below which whoever lives
 * there may make as many cgroups as it likes. A user may call those what containers are called.
 */
export function placeOf(owner: Identity): { readonly place: string; readonly whole: Identity } {
  const { cgroup, containerId, podUid } = owner;
  const parts = cgroup.split('/');
  const upTo = (count: number): string => parts.slice(0, count + 1).join('/');
  const upper = upTo(PLACE_PARTS);
  if ((podUid ?? containerId) === undefined || userOf(cgroup) !== 0) return { place: upper, whole: { cgroup: upper } };
  const whole = podUid === undefined ? { containerId } : { podUid };
  const isWhole = (path: string): boolean => {
    const found = identify(path);
    return podUid === undefined ? found.containerId === containerId : found.podUid === podUid;
  };
  const path = parts.map((_, count) => upTo(count)).find(isWhole) ?? upper;
  return { place: podUid ?? containerId ?? path, whole: { cgroup: path, ...whole } as Identity };
}

/**
 * Who shares entries with whom: as {@link placeOf}, but of what is in no container the part of the path that somebody was
 * given: a unit of systemd, a user, or else the outermost cgroup.
 */
export function sharerOf(owner: Identity): string {
  const { place, whole } = placeOf(owner);
  if ((whole.podUid ?? whole.containerId) !== undefined) return place;
  return /^(?:\/[^/]+\.slice)*\/[^/]+/.exec(place)?.[0] ?? place;
}
