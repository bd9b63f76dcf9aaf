/** One OOM kill as a log line. */
import type { Identity } from './containers/identity.ts';
import type { Fields, Logger } from './log.ts';
import type { OomKill } from './receivers/oom.ts';

export function logKill(log: Logger, kill: OomKill, { cgroup, containerId }: Identity): void {
  const { victim, trigger } = kill;
  const fields: Fields = {
    victim_comm: victim.comm,
    victim_pid: victim.tgid,
    victim_uid: victim.uid,
    trigger_comm: trigger.comm,
    trigger_pid: trigger.tgid,
    trigger_uid: trigger.uid,
    scope: kill.scope,
    cgroup,
    container_id: containerId,
    anon_rss_bytes: kill.anonBytes,
    file_rss_bytes: kill.fileBytes,
    shmem_rss_bytes: kill.shmemBytes,
    total_vm_bytes: kill.totalVmBytes,
    oom_score_adj: kill.oomScoreAdj,
  };
  log.warn('OOM kill', fields);
}
