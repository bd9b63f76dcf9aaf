/** How many files this process may have open. */

/** The soft limit of open files in /proc/self/limits; null where it is unlimited. */
export function maxFds(limits: string): number | null {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  return soft === undefined ? null : Number(soft);
}
