/**
 * Which cgroups the kernel's summary of an OOM kill names. Whoever makes a cgroup gives it its name, which can hold all
 * that stands around it in the summary, but no slash and no newline:
 *
 *     nodemask=(null),cpuset=NAME,mems_allowed=0,oom_memcg=PATH,task_memcg=PATH,task=COMM
 *     nodemask=(null),cpuset=NAME,mems_allowed=0,global_oom,task_memcg=PATH,task=COMM
 */

export interface SummaryCgroups {
  readonly victimCgroup: string;
  /** Absent where no cgroup's limit was hit, or where it cannot be told for sure. */
  readonly limitCgroup?: string;
}

const LIMIT = ',oom_memcg=';
const NO_LIMIT = ',global_oom,task_memcg=';
const VICTIM = ',task_memcg=';
const TASK = ',task=';

/**
 * @param comm of the victim, as the log names it elsewhere
 * @param limitCgroup whose limit was hit, where the log names it elsewhere
 * @returns null where the summary could be read in no way, or is cut off
 */
export function cgroupsIn(summary: string, comm: string, limitCgroup?: string): SummaryCgroups | null {
  const end = summary.endsWith(TASK + comm) ? summary.length - TASK.length - comm.length : summary.lastIndexOf(TASK);
  if (end < 0) return null;
  const text = summary.slice(0, end);
  // A path begins with a slash, which the name of a cpuset before it cannot hold: what comes first is the kernel's.
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

/** Is it the cgroup itself, or one in it? */
export function isBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(above.endsWith('/') ? above : `${above}/`);
}
