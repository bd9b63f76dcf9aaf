/** Groups cgroups that share a bound, so that no container can use up another's share. */
import { type Identity, identify, userOf } from './identity.ts';

/** The length of a place outside of containers, in parts of the path: `/user.slice/user-1000.slice`. */
const PLACE_PARTS = 2;

/**
 * The group that shares a bound: a pod, a container, or else the upper part of the cgroup's path. Below that part a
 * user may make any number of cgroups, also with names of containers.
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
 * The group that shares entries: as {@link placeOf}, but outside of containers the unit of systemd, the user, or else
 * the outermost cgroup.
 */
export function sharerOf(owner: Identity): string {
  const known = sharers.get(owner);
  if (known !== undefined) return known;
  const { place, whole } = placeOf(owner);
  const isWhole = (whole.podUid ?? whole.containerId) !== undefined;
  const sharer = isWhole ? place : (/^(?:\/[^/]+\.slice)*\/[^/]+/.exec(place)?.[0] ?? place);
  sharers.set(owner, sharer);
  return sharer;
}

/** While entries are short, every cgroup's is asked for twice a second. */
const sharers = new WeakMap<Identity, string>();
