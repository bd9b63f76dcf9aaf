/** One decision of the OOM killer in words: what the log, the list at /oom and the OTLP log say of it. */
import { wallMsOf } from '../clock.ts';
import type { Identity } from '../containers/identity.ts';
import { gfpNames } from '../receivers/gfp.ts';
import type { OomVictim } from '../receivers/oom-events.ts';
import type { OomKill } from '../receivers/oom-kills.ts';
import { attributesOf } from './identity.ts';

export type OomField = string | number | boolean;

/** Flat, but for the members of a cgroup that was killed as a whole. What is not known is absent. */
export interface OomRecord {
  readonly [name: string]: OomField | readonly OomMember[];
}

export type OomMember = Readonly<Record<string, OomField>>;

/** What else the record needs to know. */
export interface OomSurroundings {
  identityOf(cgroup: bigint | string): Identity;
  /** In the hierarchy that names containers here. */
  cgroupIdOf(victim: OomVictim): bigint;
  /** How the machine and the victim's container were doing in that moment. */
  momentOf(victim: OomVictim): OomMember;
}

/** Of a cgroup with more processes the others are only counted. */
export const MAX_MEMBERS = 100;

export function describeKill(kill: OomKill, { identityOf, cgroupIdOf, momentOf }: OomSurroundings): OomRecord {
  const { trigger, victim, members, isGroup, scope, limit, order, gfpMask, domainBytes } = kill;
  const placeOf = (of: OomVictim): OomMember => fieldsOf(identityOf(cgroupIdOf(of)));
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
    victim_comm: victim.comm,
    victim_process: victim.process,
    victim_pid: victim.pid,
    victim_tgid: victim.tgid,
    victim_ns_pid: victim.ownTgid,
    victim_uid: victim.uid,
    ...placeOf(victim),
    ...memoryOf(victim),
    ...momentOf(victim),
    group_kill: isGroup,
    ...(members.length > 0 && {
      members: members.slice(0, MAX_MEMBERS).map((member) => ({
        comm: member.comm,
        process: member.process,
        pid: member.pid,
        tgid: member.tgid,
        ns_pid: member.ownTgid,
        uid: member.uid,
        ...placeOf(member),
        ...memoryOf(member),
      })),
    }),
    ...(members.length > MAX_MEMBERS && { members_left_out: members.length - MAX_MEMBERS }),
  });
}

function memoryOf(victim: OomVictim): OomMember {
  return {
    anon_rss_bytes: victim.anonBytes,
    file_rss_bytes: victim.fileBytes,
    shmem_rss_bytes: victim.shmemBytes,
    page_tables_bytes: victim.pageTableBytes,
    total_vm_bytes: victim.totalVmBytes,
    oom_score_adj: victim.oomScoreAdj,
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
