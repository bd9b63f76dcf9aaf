/**
 * Finds the cgroups in the kernel's summary of an OOM kill. A cgroup's name is chosen by its creator, and can imitate
 * every part of the summary, but contains no slash and no newline:
 *
 *     nodemask=(null),cpuset=NAME,mems_allowed=0,oom_memcg=PATH,task_memcg=PATH,task=COMM
 *     nodemask=(null),cpuset=NAME,mems_allowed=0,global_oom,task_memcg=PATH,task=COMM
 */

export interface SummaryCgroups {
  readonly victimCgroup: string;
  /** Absent where no cgroup's limit was reached, or where the summary is ambiguous. */
  readonly limitCgroup?: string;
}

const LIMIT = ',oom_memcg=';
const NO_LIMIT = ',global_oom,task_memcg=';
const VICTIM = ',task_memcg=';
const TASK = ',task=';

/**
 * @param comm the victim's name, from another record
 * @param limitCgroup the cgroup whose limit was reached, from another record
 * @returns null where the summary cannot be parsed, or is cut off
 */
export function cgroupsIn(summary: string, comm: string, limitCgroup?: string): SummaryCgroups | null {
  const end = summary.endsWith(TASK + comm) ? summary.length - TASK.length - comm.length : summary.lastIndexOf(TASK);
  if (end < 0) return null;
  const text = summary.slice(0, end);
  // A path begins with a slash, which a cpuset's name cannot contain, so the first mark with a slash is the kernel's.
  const [limitAt, noLimitAt] = [LIMIT, NO_LIMIT].map((mark) => text.indexOf(`${mark}/`)) as [number, number];
  if (noLimitAt >= 0 && (limitAt < 0 || noLimitAt < limitAt)) {
    return { victimCgroup: text.slice(noLimitAt + NO_LIMIT.length) };
  }
  if (limitAt < 0) return null;
  const paths = text.slice(limitAt + LIMIT.length);
  for (let at = paths.indexOf(`${VICTIM}/`); at >= 0; at = paths.indexOf(`${VICTIM}/`, at + 1)) {
    const [limit, victim] = [paths.slice(0, at), paths.slice(at + VICTIM.length)];
    if (isBelow(victim, limit) && (limitCgroup === undefined || limitCgroup === limit)) {
      return { limitCgroup: limit, victimCgroup: victim };
    }
  }
  return null;
}

/** Whether `path` is `above`, or lies below it. */
export function isBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(above.endsWith('/') ? above : `${above}/`);
}
