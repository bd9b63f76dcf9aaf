/** PID namespaces, which the kernel programs filter by. */
import { readdirSync, statSync } from 'node:fs';
import type { Logger } from '../log.ts';

/** The inode number of a process' PID namespace: what `--pid-ns-inum` takes. */
export function pidNamespaceOf(pid: number | 'self'): number {
  return statSync(`/proc/${pid}/ns/pid`).ino;
}

/** Does any process live in this PID namespace now? `unknown` where some may not be looked at. */
export function isPidNamespaceInUse(inum: number): boolean | 'unknown' {
  let hidden = false;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (pidNamespaceOf(Number(name)) === inum) return true;
    } catch (error) {
      // Another user's, which takes CAP_SYS_PTRACE; otherwise it is gone meanwhile.
      if (['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) hidden = true;
    }
  }
  return hidden ? 'unknown' : false;
}

/** The number to filter by, 0 for none. A number nobody lives in counts nothing, and that is said. */
export function resolvePidNamespace(wanted: number | 'self', log: Logger): number {
  if (wanted === 'self') return pidNamespaceOf('self');
  if (wanted !== 0 && isPidNamespaceInUse(wanted) === false) {
    log.warn('No process that Floatie can see lives in this PID namespace: nothing is counted until one does', {
      pid_ns_inum: wanted,
      cure: 'take the number from "readlink /proc/PID/ns/pid"; in a container, share the host\'s (--pid=host)',
    });
  }
  return wanted;
}
