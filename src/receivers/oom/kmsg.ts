/** Parses the kernel's reports of OOM kills in /dev/kmsg, which tell whose limit was reached. */
import { bytesOf, decodeLogged } from '../comm.ts';
import { cgroupsIn } from './kmsg-cgroups.ts';
import { type MemoryReport, MemoryReportParser } from './kmsg-memory.ts';

export interface KmsgKill {
  readonly pid: number;
  /** The process's exact memory: the BPF programs cannot add the per-CPU remainders. */
  readonly memory?: KmsgMemory;
  /** Whether a cgroup's limit was reached. Otherwise the memory of the machine, or of some NUMA nodes, ran out. */
  readonly memcg: boolean;
  readonly report?: KmsgReport;
  /** If a whole cgroup was killed, the process that the kernel chose, which can be this one. */
  chosenPid?: number;
}

/** With what those need who know the kill by its report alone. */
export interface ReportedKill extends KmsgKill {
  readonly about: KmsgAbout;
}

export interface KmsgAbout {
  /** The time of the report, in ns of the log's clock: CLOCK_MONOTONIC without slewing. */
  readonly timeNs: number;
  readonly comm: string;
  readonly uid?: number;
  readonly oomScoreAdj?: number;
  /** The thread whose allocation failed. */
  readonly trigger?: { readonly comm: string; readonly pid?: number };
}

export interface KmsgMemory {
  readonly totalVmBytes: number;
  readonly anonBytes: number;
  readonly fileBytes: number;
  readonly shmemBytes: number;
  readonly pageTableBytes: number;
}

/** The long report, which the kernel writes for at most ten kills in five seconds. */
export interface KmsgReport {
  /** `none`, `cpuset`, `memory_policy` or `memcg`. */
  readonly constraint: string;
  /** Paths below the root of the hierarchy. */
  readonly victimCgroup: string;
  /** Absent where no cgroup's limit was reached. */
  readonly limitCgroup?: string;
  readonly limit?: KmsgLimit;
  readonly order?: number;
  readonly gfpMask?: number;
  readonly memory?: MemoryReport;
}

export interface KmsgLimit {
  readonly limitBytes: number;
  readonly usageBytes: number;
  /** cgroup v1: the limit is that of memory and swap together. */
  readonly includesSwap: boolean;
}

const INVOKED = /^(.*) invoked oom-killer: gfp_mask=(0x[0-9a-f]+)\(.*\), order=(-?\d+), /;
const INVOKER = /^CPU: \d+ (?:UID: \d+ )?PID: (\d+) Comm: /;
const USAGE = /^(memory|memory\+swap): usage (\d+)kB, limit (\d+)kB, /;
const STATISTICS = /^Memory cgroup stats for (\/.*):$/;
const SUMMARY = /^oom-kill:constraint=CONSTRAINT_(\w+)(,.*),pid=(\d+),uid=\d+$/;
/** The name of a process is too short to imitate the text behind it. */
const KILLED = /^(Memory cgroup out of memory|Out of memory[^:]*): Killed process (\d+) \((.*)\) total-vm:/;
const MEMORY =
  /\) total-vm:(\d+)kB, anon-rss:(\d+)kB, file-rss:(\d+)kB, shmem-rss:(\d+)kB, UID:(\d+) pgtables:(\d+)kB oom_score_adj:(-?\d+)/;
const WHOLE_CGROUP = /^Tasks in .* are going to be killed due to memory\.oom\.group set$/;

/**
 * Parses the records of /dev/kmsg in order. The kernel writes the records of one kill in one piece (mm/oom_kill.c,
 * under oom_lock): "invoked oom-killer" to "oom-kill:", which may be left out, then "Killed process" and, for a whole
 * cgroup, "Tasks in …" and a "Killed process" for each.
 */
export class KmsgKills {
  readonly #pageBytes: number;
  #sequence = Number.NaN;
  /** Whether records of the current report are missing. */
  #hasGap = false;
  #memory: MemoryReportParser | null = null;
  #asked: { readonly gfpMask: number; readonly order: number } | null = null;
  #trigger: KmsgAbout['trigger'];
  #limits: KmsgLimit[] = [];
  #limitCgroup: string | undefined;
  #summary: { readonly pid: number; readonly constraint: string; readonly text: string } | null = null;
  #last: ReportedKill | null = null;
  #chosenPid: number | undefined;

  constructor(pageBytes = 4096) {
    this.#pageBytes = pageBytes;
  }

  /**
   * The kill that a record reports, or null.
   *
   * @param record `priority,sequence,microseconds,flags;message`
   */
  take(record: string): ReportedKill | null {
    this.#count(Number(record.split(',', 2)[1]));
    // Records of the kernel have a priority below 8; programs can only write with a higher facility.
    if (!/^[0-7],/.test(record)) return null;
    const [message = ''] = record.slice(record.indexOf(';') + 1).split('\n');
    const invoked = INVOKED.exec(message);
    if (invoked !== null) {
      this.#begin();
      const [, comm = '', gfpMask, order] = invoked;
      this.#trigger = { comm: decodeLogged(comm) };
      this.#asked = { gfpMask: Number(gfpMask), order: Number(order) };
      return null;
    }
    const [, invoker] = INVOKER.exec(message) ?? [];
    if (invoker !== undefined && this.#trigger !== undefined) {
      this.#trigger = { ...this.#trigger, pid: Number(invoker) };
      return null;
    }
    this.#memory?.take(message);
    const [, what, usageKb, limitKb] = USAGE.exec(message) ?? [];
    if (what !== undefined) {
      const bytes = { limitBytes: Number(limitKb) * 1024, usageBytes: Number(usageKb) * 1024 };
      this.#limits.push({ ...bytes, includesSwap: what !== 'memory' });
      return null;
    }
    const [, limitCgroup] = STATISTICS.exec(message) ?? [];
    if (limitCgroup !== undefined) {
      this.#limitCgroup = limitCgroup;
      return null;
    }
    const summary = SUMMARY.exec(message);
    if (summary !== null) {
      const [, constraint = '', text = '', pid] = summary;
      this.#summary = { pid: Number(pid), constraint: constraint.toLowerCase(), text };
      return null;
    }
    if (WHOLE_CGROUP.test(message) && this.#last !== null) {
      this.#chosenPid = this.#last.pid;
      this.#last.chosenPid = this.#last.pid;
      return null;
    }
    return this.#killed(message, Number(record.split(',', 3)[2]) * 1000);
  }

  /** Records that the log overwrites before they are read leave a gap between the numbers. */
  #count(sequence: number): void {
    if (sequence > this.#sequence + 1) this.#hasGap = true;
    this.#sequence = sequence;
  }

  #begin(): void {
    this.#hasGap = false;
    this.#memory = new MemoryReportParser(this.#pageBytes);
    this.#asked = null;
    this.#trigger = undefined;
    this.#limits = [];
    this.#limitCgroup = undefined;
    this.#summary = null;
    this.#chosenPid = undefined;
  }

  /** @param comm the victim's name in the log */
  #report(pid: number, comm: string): KmsgReport | null {
    if (this.#summary?.pid !== pid) return null;
    const { constraint, text } = this.#summary;
    const cgroups = cgroupsIn(text, comm, this.#limitCgroup);
    if (cgroups === null) return null;
    const { victimCgroup, limitCgroup } = cgroups;
    // Of two limits the one with less room left; the kernel checks the second one first.
    const room = ({ limitBytes, usageBytes }: KmsgLimit): number => limitBytes - usageBytes;
    const memory = this.#memory?.end(this.#hasGap);
    const [limit] = this.#limits.toReversed().toSorted((a, b) => room(a) - room(b));
    return {
      constraint,
      victimCgroup: bytesOf(victimCgroup).toString(),
      ...(limitCgroup !== undefined && { limitCgroup: bytesOf(limitCgroup).toString(), ...(limit && { limit }) }),
      ...this.#asked,
      ...(memory && { memory }),
    };
  }

  #killed(message: string, timeNs: number): ReportedKill | null {
    const [, what, digits, comm = ''] = KILLED.exec(message) ?? [];
    if (what === undefined) return null;
    const pid = Number(digits);
    // The chosen process is reported again with its cgroup, when it may have freed memory already.
    if (pid === this.#chosenPid) return null;
    const report = this.#report(pid, comm);
    const { memory, ...task } = sizeIn(message);
    this.#last = {
      pid,
      memcg: what.startsWith('Memory cgroup'),
      ...(memory && { memory }),
      ...(report && { report }),
      ...(this.#chosenPid !== undefined && { chosenPid: this.#chosenPid }),
      about: {
        timeNs,
        comm: decodeLogged(comm),
        ...task,
        ...(this.#trigger && { trigger: this.#trigger }),
      },
    };
    // A kill without a long report must not get that of an earlier kill.
    this.#trigger = undefined;
    this.#memory = null;
    return this.#last;
  }
}

function sizeIn(message: string): Pick<KmsgKill, 'memory'> & Pick<KmsgAbout, 'uid' | 'oomScoreAdj'> {
  const found = MEMORY.exec(message);
  if (found === null) return {};
  const [totalVm = 0, anon = 0, file = 0, shmem = 0, uid = 0, pageTables = 0, oomScoreAdj = 0] = found
    .slice(1)
    .map(Number);
  const memory = {
    totalVmBytes: totalVm * 1024,
    anonBytes: anon * 1024,
    fileBytes: file * 1024,
    shmemBytes: shmem * 1024,
    pageTableBytes: pageTables * 1024,
  };
  return { memory, uid, oomScoreAdj };
}
