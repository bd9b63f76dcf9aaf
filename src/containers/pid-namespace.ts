/** PID namespaces, which the kernel programs filter by. */
import { readdirSync, statSync } from 'node:fs';
import type { Logger } from '../program/log.ts';

/** The inode number of a process' PID namespace: what `--pid-ns-inum` takes. */
export function pidNamespaceOf(pid: number | 'self'): number {
  return statSync(`/proc/${pid}/ns/pid`).ino;
}

/** Does any process that we may look at live in this PID namespace now? */
export function isPidNamespaceInUse(inum: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return pidNamespaceOf(Number(name)) === inum;
    } catch {
      return false; // gone meanwhile, or not ours to look at
    }
  });
}

/** The cure where nobody does. */
export const NOBODY_LIVES =
  'take the number from "readlink /proc/PID/ns/pid"; in a container, share the host\'s (--pid=host); others\' processes show theirs to CAP_SYS_PTRACE only';

/** The number to filter by, 0 for none. A number nobody lives in counts nothing, and that is said. */
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
