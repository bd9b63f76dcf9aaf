/** One decision of the OOM killer in words: what the log, the list at /oom and the OTLP log say of it. */

import { attributesOf } from '../../containers/attributes.ts';
import type { Identity } from '../../containers/identity.ts';
import { wallMsOf } from '../../program/clock.ts';
import type { OomMember, OomRecord } from '../../records/record.ts';
import type { OomMemory, OomTask, OomVictim } from './events.ts';
import { gfpNames } from './gfp.ts';
import type { OomKill } from './kills.ts';

/** What else the record needs to know. */
export interface OomSurroundings {
  identityOf(cgroup: bigint | string): Identity;
  /** In the hierarchy that names containers here. */
  cgroupIdOf(task: OomTask): bigint;
  /** How the machine and the victim's container were doing in that moment. */
  momentOf(victim: OomVictim): OomMember;
}

/** Of a cgroup with more processes the others are only counted. */
export const MAX_MEMBERS = 100;

export function describeKill(kill: OomKill, { identityOf, cgroupIdOf, momentOf }: OomSurroundings): OomRecord {
  const { trigger, victim, members, isGroup, scope, limit, order, gfpMask, domainBytes } = kill;
  const placeOf = (of: OomTask, prefix = ''): OomMember => fieldsOf(identityOf(cgroupIdOf(of)), prefix);
  return defined({
    time: new Date(wallMsOf(kill.timeNs)).toISOString(),
    scope,
    limit_owner: limit?.owner,
    ...(limit?.cgroup !== undefined && fieldsOf(identityOf(limit.cgroup), 'limit_')),
    limit_bytes: limit?.limitBytes,
    usage_bytes: limit?.usageBytes,
    headroom_bytes: difference(limit?.limitBytes, limit?.usageBytes),
    limit_includes_swap: limit?.includesSwap,
    domain_bytes: domainBytes,
    order,
    ...(gfpMask !== undefined && { gfp_mask: `0x${gfpMask.toString(16)}`, gfp_flags: gfpNames(gfpMask) }),
    trigger_comm: trigger.comm,
    trigger_process: trigger.process,
    trigger_pid: trigger.pid,
    trigger_tgid: trigger.tgid,
    trigger_uid: trigger.uid,
    ...placeOf(trigger, 'trigger_'),
    trigger_outside_limit: limit?.isTriggerOutside,
    victim_comm: victim.comm,
    victim_process: victim.process,
    victim_pid: victim.pid,
    victim_tgid: victim.tgid,
    victim_ns_pid: victim.ownTgid,
    victim_uid: victim.uid,
    ...placeOf(victim),
    ...memoryOf(victim),
    oom_score_adj: victim.oomScoreAdj,
    ...momentOf(victim),
    group_kill: isGroup,
    ...(members.length > 0 && {
      members: members.slice(0, MAX_MEMBERS).map((member) =>
        defined({
          comm: member.comm,
          process: member.process,
          reason: member.reason,
          pid: member.pid,
          tgid: member.tgid,
          ns_pid: member.ownTgid,
          uid: member.uid,
          ...placeOf(member),
          ...memoryOf(member),
          oom_score_adj: member.oomScoreAdj,
        }),
      ),
    }),
    ...(members.length > MAX_MEMBERS && { members_left_out: members.length - MAX_MEMBERS }),
  });
}

function memoryOf(memory: OomMemory): Readonly<Record<string, number | undefined>> {
  return {
    anon_rss_bytes: memory.anonBytes,
    file_rss_bytes: memory.fileBytes,
    shmem_rss_bytes: memory.shmemBytes,
    page_tables_bytes: memory.pageTableBytes,
    total_vm_bytes: memory.totalVmBytes,
  };
}

/** The same names as the attributes of metrics, as Prometheus writes them. */
export function fieldsOf(identity: Identity, prefix = ''): OomMember {
  const entries = Object.entries(attributesOf(identity));
  return Object.fromEntries(entries.map(([name, value]) => [prefix + name.replaceAll('.', '_'), String(value)]));
}

/** What was left below the limit; it can be exceeded for a moment. */
export function difference(limit: number | undefined, usage: number | undefined): number | undefined {
  return limit === undefined || usage === undefined ? undefined : Math.max(0, limit - usage);
}

/** Without the fields whose value is not known. */
export function defined<T>(fields: Readonly<Record<string, T | undefined>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, T>;
}
