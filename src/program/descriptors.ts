/** How many files this process may have open. */

/** The soft limit in /proc/self/limits; null where there is none. */
export function maxFds(limits: string): number | null {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  return soft === undefined ? null : Number(soft);
}
