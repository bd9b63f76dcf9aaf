/** Decodes the events of bpf/kills.bpf.c. The layouts mirror bpf/kills.h. */
import { array, Struct, u8, u32, u64 } from '../../native/index.ts';
import { decodeComm } from '../comm.ts';

const COMM_BYTES = 16;

export const KILLS_CONFIG = new Struct('kills_config', {
  pid_ns_inum: u64,
  cgroup_id: u64,
  mount_id: u64,
  cgroup_v1: u8,
});
export const KILLS_COUNTERS = new Struct('kills_counters', { kills: u64, lost: u64, cut: u64 });
export const KILL_EVENT = new Struct('kill_event', {
  time_ns: u64,
  memory: u64,
  victim_cgroup_id: u64,
  sender_cgroup_id: u64,
  term_ns: u64,
  victim_tgid: u32,
  victim_own_tgid: u32,
  victim_uid: u32,
  sender_pid: u32,
  sender_tgid: u32,
  sender_own_tgid: u32,
  sender_uid: u32,
  code: u32, // signed
  term_sender_tgid: u32,
  info: u8,
  is_group: u8,
  sender_exits: u8,
  dies_with_parent: u8,
  term_ignored: u8,
  victim_process: array(u8, COMM_BYTES),
  sender_process: array(u8, COMM_BYTES),
  term_process: array(u8, COMM_BYTES),
});
export const KILL_MARK = new Struct('kill_mark', { memory: u64, sender_pid: u32, victim_tgid: u32 });

export interface KillTask {
  readonly tgid: number;
  /** The process id in its own PID namespace. */
  readonly ownTgid: number;
  readonly uid: number;
  /** The process's name, which is that of its first thread. */
  readonly process: string;
  /** In the hierarchy that names containers. */
  readonly cgroupId: bigint;
}

/** The last SIGTERM before the kill. */
export interface Term {
  /** How long before the kill, in ms. */
  readonly beforeMs: number;
  readonly senderTgid: number;
  readonly process: string;
  /** Whether the process ignored it; an init without a handler does. */
  readonly isIgnored: boolean;
}

/** A SIGKILL that ends a process. */
export interface KillEvent {
  /** CLOCK_MONOTONIC, in ns. */
  readonly timeNs: number;
  /** Equal for processes that share their memory; 0n: it had none any more. */
  readonly memory: bigint;
  readonly victim: KillTask;
  /** The task that ran when the signal was sent. */
  readonly sender: KillTask & { readonly pid: number };
  /** `sent`: with a siginfo, whose code is {@link code}. `none` and `kernel`: by the kernel, with SEND_SIG_NOINFO or SEND_SIG_PRIV. */
  readonly info: 'sent' | 'none' | 'kernel';
  readonly code: number;
  /** Sent to the process, not to a thread. */
  readonly isToProcess: boolean;
  readonly senderExits: boolean;
  /** The victim has asked for it: prctl(PR_SET_PDEATHSIG, SIGKILL). */
  readonly diesWithParent: boolean;
  readonly term: Term | null;
}

/** The OOM killer has chosen a process that the same thread has just killed. */
export interface KillMark {
  readonly memory: bigint;
  readonly senderPid: number;
  readonly victimTgid: number;
}

/** `enum kill_info`, in its order. */
const INFOS = ['sent', 'none', 'kernel'] as const;

export function decodeKillEvent(record: Buffer): KillEvent {
  const at = KILL_EVENT.offsets;
  const comm = (offset: number): string => decodeComm(record.subarray(offset, offset + COMM_BYTES));
  const isSet = (offset: number): boolean => record.readUInt8(offset) === 1;
  const timeNs = Number(record.readBigUInt64LE(at.time_ns));
  const termNs = Number(record.readBigUInt64LE(at.term_ns));
  return {
    timeNs,
    memory: record.readBigUInt64LE(at.memory),
    victim: {
      tgid: record.readUInt32LE(at.victim_tgid),
      ownTgid: record.readUInt32LE(at.victim_own_tgid),
      uid: record.readUInt32LE(at.victim_uid),
      process: comm(at.victim_process),
      cgroupId: record.readBigUInt64LE(at.victim_cgroup_id),
    },
    sender: {
      pid: record.readUInt32LE(at.sender_pid),
      tgid: record.readUInt32LE(at.sender_tgid),
      ownTgid: record.readUInt32LE(at.sender_own_tgid),
      uid: record.readUInt32LE(at.sender_uid),
      process: comm(at.sender_process),
      cgroupId: record.readBigUInt64LE(at.sender_cgroup_id),
    },
    info: INFOS[record.readUInt8(at.info)] ?? 'kernel',
    code: record.readInt32LE(at.code),
    isToProcess: isSet(at.is_group),
    senderExits: isSet(at.sender_exits),
    diesWithParent: isSet(at.dies_with_parent),
    term:
      termNs === 0
        ? null
        : {
            beforeMs: Math.max(0, Math.round((timeNs - termNs) / 1e6)),
            senderTgid: record.readUInt32LE(at.term_sender_tgid),
            process: comm(at.term_process),
            isIgnored: isSet(at.term_ignored),
          },
  };
}

export function decodeKillMark(record: Buffer): KillMark {
  const at = KILL_MARK.offsets;
  return {
    memory: record.readBigUInt64LE(at.memory),
    senderPid: record.readUInt32LE(at.sender_pid),
    victimTgid: record.readUInt32LE(at.victim_tgid),
  };
}
