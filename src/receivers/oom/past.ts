/** Kills from before the start in words, by what the kernel's log still has of them. Nobody counts them. */

import type { Identity } from '../../containers/identity.ts';
import { wallMsOf } from '../../program/clock.ts';
import type { OomField, OomRecord } from '../../records/record.ts';
import { gfpNames } from './gfp.ts';
import { scopeOf } from './kills.ts';
import type { KmsgKill, KmsgMemory } from './kmsg.ts';
import { isBelow } from './kmsg-cgroups.ts';
import { defined, difference, fieldsOf, MAX_MEMBERS } from './record.ts';

export interface PastOptions {
  readonly identityOf: (path: string) => Identity;
  /** Only the kills in this cgroup and below it; empty: all. */
  readonly cgroup: string;
}

/** With the fields that the records of kills have that were seen, as far as the log knows them, and `read_from`. */
export function describePastKills(kills: readonly KmsgKill[], { identityOf, cgroup }: PastOptions): OomRecord[] {
  const records: OomRecord[] = [];
  // A name can cost reading files, and the same few cgroups lose processes again and again.
  const identities = new Map<string, Identity>();
  const once = (path: string): Identity => {
    const identity = identities.get(path) ?? identityOf(path);
    identities.set(path, identity);
    return identity;
  };
  const isMember = ({ pid, chosenPid }: KmsgKill): boolean => chosenPid !== undefined && chosenPid !== pid;
  for (const [index, kill] of kills.entries()) {
    const path = kill.report?.victimCgroup;
    if (isMember(kill) || (cgroup !== '' && (path === undefined || !isBelow(path, cgroup)))) continue;
    const after = kills.slice(index + 1);
    const end = after.findIndex((other) => !isMember(other));
    records.push(describe(kill, end < 0 ? after : after.slice(0, end), once));
  }
  return records;
}

function describe(kill: KmsgKill, members: readonly KmsgKill[], identityOf: PastOptions['identityOf']): OomRecord {
  const { pid, memcg, memory, report, about, chosenPid } = kill;
  const { limit, limitCgroup, victimCgroup, gfpMask, order } = report ?? {};
  return defined<OomRecord[string]>({
    time: about && new Date(wallMsOf(about.timeNs)).toISOString(),
    read_from: 'kernel_log',
    scope: report === undefined ? (memcg ? 'memcg' : 'global') : scopeOf(report.constraint, order),
    limit_owner: memcg ? limitCgroup && (limitCgroup === victimCgroup ? 'self' : 'ancestor') : 'node',
    ...(limitCgroup !== undefined && fieldsOf(identityOf(limitCgroup), 'limit_')),
    limit_bytes: limit?.limitBytes,
    usage_bytes: limit?.usageBytes,
    headroom_bytes: difference(limit?.limitBytes, limit?.usageBytes),
    limit_includes_swap: limit?.includesSwap,
    order,
    ...(gfpMask !== undefined && { gfp_mask: `0x${gfpMask.toString(16)}`, gfp_flags: gfpNames(gfpMask) }),
    trigger_comm: about?.trigger?.comm,
    trigger_pid: about?.trigger?.pid,
    victim_comm: about?.comm,
    victim_pid: pid,
    victim_uid: about?.uid,
    ...fieldsOf(victimCgroup === undefined ? { cgroup: 'unknown' } : identityOf(victimCgroup)),
    ...memoryOf(memory),
    oom_score_adj: about?.oomScoreAdj,
    group_kill: chosenPid !== undefined,
    ...(members.length > 0 && {
      members: members.slice(0, MAX_MEMBERS).map(({ pid, memory, about }) =>
        defined<OomField>({
          comm: about?.comm,
          reason: 'group',
          pid,
          uid: about?.uid,
          ...memoryOf(memory),
          oom_score_adj: about?.oomScoreAdj,
        }),
      ),
    }),
    ...(members.length > MAX_MEMBERS && { members_left_out: members.length - MAX_MEMBERS }),
  });
}

function memoryOf(memory: KmsgMemory | undefined): Readonly<Record<string, number | undefined>> {
  return {
    anon_rss_bytes: memory?.anonBytes,
    file_rss_bytes: memory?.fileBytes,
    shmem_rss_bytes: memory?.shmemBytes,
    page_tables_bytes: memory?.pageTableBytes,
    total_vm_bytes: memory?.totalVmBytes,
  };
}
