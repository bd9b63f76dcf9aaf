/** PID namespaces, by which the BPF programs filter. */
import { readdirSync, statSync } from 'node:fs';
import type { Logger } from '../program/log.ts';

/** The inode number of a process's PID namespace, for `--pid-ns-inum`. */
export function pidNamespaceOf(pid: number | 'self'): number {
  return statSync(`/proc/${pid}/ns/pid`).ino;
}

/** Whether any process that this process may inspect is in this PID namespace. */
export function isPidNamespaceInUse(inum: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return pidNamespaceOf(Number(name)) === inum;
    } catch {
      return false; // ended meanwhile, or not permitted
    }
  });
}

export const NOBODY_LIVES =
  'take the number from "readlink /proc/PID/ns/pid"; in a container, share the host\'s (--pid=host); others\' processes show theirs to CAP_SYS_PTRACE only';

/** The number to filter by, 0 for none. Warns about a namespace without processes, since nothing would be counted. */
export function resolvePidNamespace(wanted: number | 'self', log: Logger): number {
  if (wanted === 'self') return pidNamespaceOf('self');
  if (wanted !== 0 && !isPidNamespaceInUse(wanted)) {
    log.warn('No process that Floatie can see lives in this PID namespace: nothing is counted until one does', {
      pid_ns_inum: wanted,
      cure: NOBODY_LIVES,
    });
  }
  return wanted;
}
