/** Decodes the events of bpf/oom.bpf.c. The layouts mirror bpf/oom.h. */
import { array, Struct, u8, u32, u64 } from '../../native/index.ts';
import { decodeComm } from '../comm.ts';

const COMM_BYTES = 16;

export const OOM_CONFIG = new Struct('oom_config', {
  pid_ns_inum: u64,
  cgroup_id: u64,
  mount_id: u64,
  cgroup_v1: u8,
});
export const OOM_COUNTERS = new Struct('oom_counters', { all: u64, kills: u64, lost: u64, cut: u64, decided: u64 });
export const OOM_DECISION = new Struct('oom_decision', {
  number: u64,
  limit_cgroup_id: u64,
  group_cgroup_id: u64,
  limit_pages: u64,
  usage_pages: u64,
  domain_pages: u64,
  constraint: u32,
  gfp_mask: u32,
  order: u32, // signed
  limits_swap: u8,
  trigger_outside: u8,
});
export const OOM_EVENT = new Struct('oom_event', {
  time_ns: u64,
  memory_cgroup_id: u64,
  default_cgroup_id: u64,
  trigger_memory_cgroup_id: u64,
  trigger_default_cgroup_id: u64,
  anon_pages: u64,
  file_pages: u64,
  shmem_pages: u64,
  page_table_bytes: u64,
  total_vm_pages: u64,
  decision: array(u64, OOM_DECISION.size / 8),
  victim_pid: u32,
  victim_tgid: u32,
  victim_own_tgid: u32,
  victim_uid: u32,
  trigger_pid: u32,
  trigger_tgid: u32,
  trigger_uid: u32,
  oom_score_adj: u32, // signed
  shares_with: u32,
  is_shared: u8,
  has_rss: u8,
  victim_comm: array(u8, COMM_BYTES),
  victim_process: array(u8, COMM_BYTES),
  trigger_comm: array(u8, COMM_BYTES),
  trigger_process: array(u8, COMM_BYTES),
});

export interface OomTask {
  readonly pid: number;
  readonly tgid: number;
  readonly uid: number;
  /** The thread's name. */
  readonly comm: string;
  /** The process's name, which is that of its first thread. */
  readonly process: string;
  /** The cgroup in the v1 memory hierarchy, or in v2 where memory is a v2 controller. */
  readonly memoryCgroupId: bigint;
  /** The cgroup in the v2 hierarchy. */
  readonly defaultCgroupId: bigint;
}

/** A process's memory; a field is absent where the kernel's counter has an unknown type. */
export interface OomMemory {
  readonly anonBytes?: number;
  readonly fileBytes?: number;
  readonly shmemBytes?: number;
  readonly pageTableBytes?: number;
  readonly totalVmBytes?: number;
}

export interface OomVictim extends OomTask, OomMemory {
  /** The process id in its own PID namespace. */
  readonly ownTgid: number;
  readonly oomScoreAdj: number;
}

/** `enum oom_constraint`, in its order. */
const CONSTRAINTS = ['none', 'cpuset', 'memory_policy', 'memcg'] as const;

/** The arguments of `oom_kill_process`. */
export interface OomDecision {
  readonly number: number;
  readonly constraint: (typeof CONSTRAINTS)[number] | 'unknown';
  /** -1 for a kill by sysrq-f. */
  readonly order: number;
  readonly gfpMask: number;
  /** The memory that all candidates may use together: the limit with swap, or the machine's memory and swap. */
  readonly domainBytes: number;
  /** The reached limit, null when the machine's memory ran out. */
  readonly limit: {
    readonly cgroupId: bigint;
    readonly limitBytes: number;
    readonly usageBytes: number;
    readonly includesSwap: boolean;
    readonly isTriggerOutside: boolean;
  } | null;
}

export interface OomEvent {
  /** CLOCK_MONOTONIC, in ns. */
  readonly timeNs: number;
  readonly trigger: OomTask;
  readonly victim: OomVictim;
  /** null where `oom_kill_process` was not seen. */
  readonly decision: OomDecision | null;
  /** The cgroup that is killed as a whole, 0 for none. Without a decision it is only a candidate. */
  readonly groupCgroupId: bigint;
  /** Whether other processes may share the victim's memory. The kernel kills them, too, and their events follow. */
  readonly isShared: boolean;
  /** The victim (tgid) whose memory this process shared; 0 if this process is the victim. */
  readonly sharesWith: number;
}

/** Decodes a `struct oom_event`. */
export function decodeOomEvent(record: Buffer, pageBytes: number): OomEvent {
  const at = OOM_EVENT.offsets;
  const pages = (offset: number): number => Number(record.readBigUInt64LE(offset)) * pageBytes;
  const comm = (offset: number): string => decodeComm(record.subarray(offset, offset + COMM_BYTES));
  const decision = record.subarray(at.decision, at.decision + OOM_DECISION.size);
  const sharesWith = record.readUInt32LE(at.shares_with);
  return {
    timeNs: Number(record.readBigUInt64LE(at.time_ns)),
    victim: {
      pid: record.readUInt32LE(at.victim_pid),
      tgid: record.readUInt32LE(at.victim_tgid),
      ownTgid: record.readUInt32LE(at.victim_own_tgid),
      uid: record.readUInt32LE(at.victim_uid),
      comm: comm(at.victim_comm),
      process: comm(at.victim_process),
      memoryCgroupId: record.readBigUInt64LE(at.memory_cgroup_id),
      defaultCgroupId: record.readBigUInt64LE(at.default_cgroup_id),
      ...(record.readUInt8(at.has_rss) === 1 && {
        anonBytes: pages(at.anon_pages),
        fileBytes: pages(at.file_pages),
        shmemBytes: pages(at.shmem_pages),
      }),
      ...(sharesWith === 0 && {
        pageTableBytes: Number(record.readBigUInt64LE(at.page_table_bytes)),
        totalVmBytes: pages(at.total_vm_pages),
      }),
      oomScoreAdj: record.readInt32LE(at.oom_score_adj),
    },
    trigger: {
      pid: record.readUInt32LE(at.trigger_pid),
      tgid: record.readUInt32LE(at.trigger_tgid),
      uid: record.readUInt32LE(at.trigger_uid),
      comm: comm(at.trigger_comm),
      process: comm(at.trigger_process),
      memoryCgroupId: record.readBigUInt64LE(at.trigger_memory_cgroup_id),
      defaultCgroupId: record.readBigUInt64LE(at.trigger_default_cgroup_id),
    },
    decision: decodeDecision(decision, pageBytes),
    groupCgroupId: decision.readBigUInt64LE(OOM_DECISION.offsets.group_cgroup_id),
    isShared: record.readUInt8(at.is_shared) === 1,
    sharesWith,
  };
}

function decodeDecision(record: Buffer, pageBytes: number): OomDecision | null {
  const at = OOM_DECISION.offsets;
  const number = Number(record.readBigUInt64LE(at.number));
  if (number === 0) return null;
  const pages = (offset: number): number => Number(record.readBigUInt64LE(offset)) * pageBytes;
  const cgroupId = record.readBigUInt64LE(at.limit_cgroup_id);
  return {
    number,
    constraint: CONSTRAINTS[record.readUInt32LE(at.constraint)] ?? 'unknown',
    order: record.readInt32LE(at.order),
    gfpMask: record.readUInt32LE(at.gfp_mask),
    domainBytes: pages(at.domain_pages),
    limit:
      cgroupId === 0n
        ? null
        : {
            cgroupId,
            limitBytes: pages(at.limit_pages),
            usageBytes: pages(at.usage_pages),
            includesSwap: record.readUInt8(at.limits_swap) === 1,
            isTriggerOutside: record.readUInt8(at.trigger_outside) === 1,
          },
  };
}
