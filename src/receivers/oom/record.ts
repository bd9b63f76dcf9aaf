/** Makes the record of a decision of the OOM killer. */
import { attributesOf } from '../../containers/attributes.ts';
import type { Identity } from '../../containers/identity.ts';
import type { Past } from '../../history/usages.ts';
import { wallMsOf } from '../../program/clock.ts';
import { ownerValues } from '../../records/owner.ts';
import { partOf, recordOf } from '../../records/schema.ts';
import { stateCause } from './cause.ts';
import type { OomTask, OomVictim } from './events.ts';
import { gfpNames } from './gfp.ts';
import type { OomKill, OomLimit, OomMember } from './kills.ts';
import type { MemoryHolder, MemoryReport } from './kmsg-memory.ts';
import { describePast, sampledKinds } from './past-usage.ts';
import { HOLDER_FIELDS, MEMBER_FIELDS, OOM_KILL, type OomKillRecord, type OomMoment } from './record-schema.ts';

export interface OomSurroundings {
  identityOf(cgroup: bigint | string): Identity;
  /** The cgroup in the hierarchy that names containers. */
  cgroupIdOf(task: OomTask): bigint;
  /** The state of the machine and of the victim's container at the time of the kill. */
  momentOf(victim: OomVictim): OomMoment;
  /** What was known of the memory of the cgroup whose limit was hit; undefined where nothing was. */
  pastOf?(limit: OomLimit, timeNs: number): Past | undefined;
  /** The owner of a process that may still live; undefined where that is unknown. */
  ownerOf(holder: MemoryHolder): Identity | undefined;
}

/** A sample tells the kinds of a kill's memory from this share of its usage on. */
const REPRESENTATIVE = 0.8;
const NO_REPORT: MemoryReport = { holders: [], processes: 0, rssBytes: 0, isTruncated: false };
/** Further members are only counted. */
const MAX_MEMBERS = 100;

export function describeKill(kill: OomKill, surroundings: OomSurroundings): OomKillRecord {
  const { identityOf, cgroupIdOf, momentOf } = surroundings;
  const { limit, trigger, victim, members } = kill;
  const owned = <T extends OomTask>(task: T) => ({ ...task, owner: identityOf(cgroupIdOf(task)) });
  return describeKnown({
    ...kill,
    limit: limit && { ...limit, ...(limit.cgroup !== undefined && { holder: identityOf(limit.cgroup) }) },
    trigger: owned(trigger),
    victim: owned(victim),
    members: members.map(owned),
    moment: momentOf(victim),
    holders: ownedHolders(kill, surroundings),
    past: limit && surroundings.pastOf?.(limit, kill.timeNs),
  });
}

/** Where the limit is the victim's own, all processes are in that cgroup or below it. */
function ownedHolders(kill: OomKill, { identityOf, cgroupIdOf, ownerOf }: OomSurroundings): readonly OwnedHolder[] {
  const { limit, memory, trigger, victim, members } = kill;
  const tasks = new Map<number, OomTask>([trigger, ...members, victim].map((task) => [task.tgid, task]));
  return (memory?.holders ?? []).map((holder) => {
    const task = tasks.get(holder.tgid);
    const owner = task ? identityOf(cgroupIdOf(task)) : limit?.owner === 'self' ? undefined : ownerOf(holder);
    return { ...holder, ...(owner && { owner }) };
  });
}

type OwnedHolder = MemoryHolder & { readonly owner?: Identity };

/** A kill from events or from the kernel's log. */
export interface KnownKill
  extends Pick<OomKill, 'timeNs' | 'scope' | 'order' | 'gfpMask' | 'domainBytes' | 'isGroup' | 'memory'> {
  readonly readFrom?: 'kernel_log';
  readonly limit: (Omit<OomLimit, 'cgroup'> & { readonly holder?: Identity }) | undefined;
  readonly trigger: Known<OomTask>;
  readonly victim: Known<OomVictim, 'comm' | 'pid'> & { readonly owner: Identity };
  readonly members: readonly Known<OomMember, 'comm' | 'pid' | 'reason'>[];
  readonly moment?: OomMoment;
  readonly past?: Past | undefined;
  /** Those of `memory`, with their owners as far as known. */
  readonly holders?: readonly OwnedHolder[];
}

type Known<Task, Always extends keyof Task = never> = Partial<Task> &
  Pick<Task, Always> & { readonly owner?: Identity };

export function describeKnown({ limit, trigger, victim, members, gfpMask, ...kill }: KnownKill): OomKillRecord {
  const { scope, memory: reported, holders = reported?.holders ?? [], past } = kill;
  const sample = reported?.kinds === undefined && scope === 'memcg' ? sampledKinds(past) : undefined;
  const isNearKill = sample !== undefined && sample.usageBytes >= REPRESENTATIVE * (limit?.usageBytes ?? Number.NaN);
  // Rules on kinds need those of the kill: a sample of before says little where usage was another.
  const memory = isNearKill ? { ...(reported ?? NO_REPORT), kinds: sample.kinds } : reported;
  return recordOf(OOM_KILL, {
    time: new Date(wallMsOf(kill.timeNs)).toISOString(),
    read_from: kill.readFrom,
    scope,
    ...stateCause({ scope, limit, memory, holders, victim: victim.owner, victimAnonBytes: victim.anonBytes, past }),
    'limit.owner': limit?.owner,
    ...ownerValues('limit.', limit?.holder),
    'limit.bytes': limit?.limitBytes,
    usage_bytes: limit?.usageBytes,
    headroom_bytes: headroomOf(limit),
    'limit.includes_swap': limit?.includesSwap,
    domain_bytes: kill.domainBytes,
    ...kindsOf(reported, sample),
    ...describePast(past, limit?.usageBytes),
    order: kill.order,
    ...(gfpMask !== undefined && { 'gfp.mask': `0x${gfpMask.toString(16)}`, 'gfp.flags': gfpNames(gfpMask) }),
    'trigger.comm': trigger.comm,
    'trigger.process': trigger.process,
    'trigger.pid': trigger.pid,
    'trigger.tgid': trigger.tgid,
    'trigger.uid': trigger.uid,
    ...ownerValues('trigger.', trigger.owner),
    'trigger.outside_limit': limit?.isTriggerOutside,
    'victim.comm': victim.comm,
    'victim.process': victim.process,
    'victim.pid': victim.pid,
    'victim.tgid': victim.tgid,
    'victim.ns_pid': victim.ownTgid,
    'victim.uid': victim.uid,
    ...attributesOf(victim.owner),
    ...sizesOf(victim),
    ...kill.moment,
    ...holdersOf(reported, holders),
    group_kill: kill.isGroup,
    ...(members.length > 0 && { members: members.slice(0, MAX_MEMBERS).map(describeMember) }),
    ...(members.length > MAX_MEMBERS && { members_left_out: members.length - MAX_MEMBERS }),
  });
}

function kindsOf(memory: MemoryReport | undefined, sample: ReturnType<typeof sampledKinds>) {
  if (memory === undefined && sample === undefined) return {};
  const { kinds = sample?.kinds, isTruncated } = memory ?? {};
  return {
    'memory.source': sample === undefined ? ('kernel_report' as const) : ('sampled' as const),
    'memory.sample_age_s': sample && Math.round(sample.ageMs / 100) / 10,
    'memory.anon_bytes': kinds?.anonBytes,
    'memory.file_bytes': kinds?.fileBytes,
    'memory.shmem_bytes': kinds?.shmemBytes,
    'memory.kernel_bytes': kinds?.kernelBytes,
    'memory.swap_bytes': kinds?.swapBytes,
    'memory.dirty_bytes': kinds?.dirtyBytes,
    'memory.unevictable_bytes': kinds?.unevictableBytes,
    'memory.truncated': isTruncated,
  };
}

function holdersOf(memory: MemoryReport | undefined, holders: readonly OwnedHolder[]) {
  if (memory === undefined || memory.processes === 0) return {};
  return { holders: holders.map(describeHolder), processes: memory.processes, processes_rss_bytes: memory.rssBytes };
}

function describeHolder(holder: OwnedHolder) {
  return partOf(HOLDER_FIELDS, {
    comm: holder.comm,
    pid: holder.tgid,
    uid: holder.uid,
    ...ownerValues('', holder.owner),
    rss_bytes: holder.rssBytes,
    anon_rss_bytes: holder.anonBytes,
    file_rss_bytes: holder.fileBytes,
    shmem_rss_bytes: holder.shmemBytes,
    swap_bytes: holder.swapBytes,
    page_tables_bytes: holder.pageTableBytes,
    oom_score_adj: holder.oomScoreAdj,
  });
}

function describeMember(member: KnownKill['members'][number]) {
  return partOf(MEMBER_FIELDS, {
    comm: member.comm,
    process: member.process,
    reason: member.reason,
    pid: member.pid,
    tgid: member.tgid,
    ns_pid: member.ownTgid,
    uid: member.uid,
    ...ownerValues('', member.owner),
    ...sizesOf(member),
  });
}

function sizesOf(task: Partial<OomVictim>) {
  return {
    anon_rss_bytes: task.anonBytes,
    file_rss_bytes: task.fileBytes,
    shmem_rss_bytes: task.shmemBytes,
    page_tables_bytes: task.pageTableBytes,
    total_vm_bytes: task.totalVmBytes,
    oom_score_adj: task.oomScoreAdj,
  };
}

/** Limit minus usage; negative if the limit is exceeded for a moment. */
function headroomOf({ limitBytes, usageBytes }: Partial<OomLimit> = {}): number | undefined {
  return limitBytes === undefined || usageBytes === undefined ? undefined : Math.max(0, limitBytes - usageBytes);
}
