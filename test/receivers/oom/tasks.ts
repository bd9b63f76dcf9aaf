/** Tasks and victims as the kernel's events describe them. */
import type { OomTask, OomVictim } from '../../../src/receivers/oom/events.ts';

export function task(changes: Partial<OomTask> = {}): OomTask {
  const { pid = 1, comm = 'task' } = changes;
  return { pid, tgid: pid, uid: 0, comm, process: comm, memoryCgroupId: 0n, defaultCgroupId: 0n, ...changes };
}

export function victim(changes: Partial<OomVictim> = {}): OomVictim {
  return {
    ...task(changes),
    ownTgid: 1,
    anonBytes: 0,
    fileBytes: 0,
    shmemBytes: 0,
    pageTableBytes: 0,
    totalVmBytes: 0,
    oomScoreAdj: 0,
    ...changes,
  };
}
