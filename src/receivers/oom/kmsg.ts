/** The kernel's own report of OOM kills, in the records of /dev/kmsg: there it says whose limit was hit. */
import { decodeComm } from './comm.ts';
import { cgroupsIn } from './kmsg-cgroups.ts';

export interface KmsgKill {
  readonly pid: number;
  /** Of the process, exactly: what the programs see lacks what some CPUs have not added up yet. */
  readonly memory?: KmsgMemory;
  /** Because of a cgroup's limit. Otherwise the machine's memory, or that of some of its nodes, ran out. */
  readonly memcg: boolean;
  readonly report?: KmsgReport;
  /** The process that the kernel chose, when this one was killed with the whole cgroup; it can be the same. */
  chosenPid?: number;
}

/** With what those need who know the kill by its report alone. */
export interface ReportedKill extends KmsgKill {
  readonly about: KmsgAbout;
}

export interface KmsgAbout {
  /** When it was reported, by the clock of the log in ns: CLOCK_MONOTONIC, but for what that was slewed by. */
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

/** The longer report, which the kernel writes for ten kills in five seconds at most. */
export interface KmsgReport {
  /** `none`, `cpuset`, `memory_policy` or `memcg`. */
  readonly constraint: string;
  /** Paths below the root of the hierarchy. */
  readonly victimCgroup: string;
  /** Absent where no cgroup's limit was hit. */
  readonly limitCgroup?: string;
  readonly limit?: KmsgLimit;
  readonly order?: number;
  readonly gfpMask?: number;
}

export interface KmsgLimit {
  readonly limitBytes: number;
  readonly usageBytes: number;
  /** cgroup v1: of memory and swap together. */
  readonly includesSwap: boolean;
}

const INVOKED = /^(.*) invoked oom-killer: gfp_mask=(0x[0-9a-f]+)\(.*\), order=(-?\d+), /;
const INVOKER = /^CPU: \d+ (?:UID: \d+ )?PID: (\d+) Comm: /;
const USAGE = /^(memory|memory\+swap): usage (\d+)kB, limit (\d+)kB, /;
const STATISTICS = /^Memory cgroup stats for (\/.*):$/;
const SUMMARY = /^oom-kill:constraint=CONSTRAINT_(\w+)(,.*),pid=(\d+),uid=\d+$/;
/** A name is too short to hold what follows it. */
const KILLED = /^(Memory cgroup out of memory|Out of memory[^:]*): Killed process (\d+) \((.*)\) total-vm:/;
const MEMORY =
  /\) total-vm:(\d+)kB, anon-rss:(\d+)kB, file-rss:(\d+)kB, shmem-rss:(\d+)kB, UID:(\d+) pgtables:(\d+)kB oom_score_adj:(-?\d+)/;
const WHOLE_CGROUP = /^Tasks in .* are going to be killed due to memory\.oom\.group set$/;

/**
 * Understands the records of /dev/kmsg one after the other. The kernel writes what belongs to one kill in one piece
 * (mm/oom_kill.c, under oom_lock): from "invoked oom-killer" to "oom-kill:", which may be left out, "Killed process",
 * and where a whole cgroup is killed "Tasks in …" and a "Killed process" for each.
 */
export class KmsgKills {
  #asked: { readonly gfpMask: number; readonly order: number } | null = null;
  #trigger: KmsgAbout['trigger'];
  #limits: KmsgLimit[] = [];
  #limitCgroup: string | undefined;
  #summary: { readonly pid: number; readonly constraint: string; readonly text: string } | null = null;
  #last: ReportedKill | null = null;
  #chosenPid: number | undefined;

  /**
   * The kill that a record reports, or null.
   *
   * @param record `priority,sequence,microseconds,flags;message`
   */
  take(record: string): ReportedKill | null {
    // The kernel's own records have a priority below 8; what programs write there has more.
    if (!/^[0-7],/.test(record)) return null;
    const [message = ''] = record.slice(record.indexOf(';') + 1).split('\n');
    const invoked = INVOKED.exec(message);
    if (invoked !== null) {
      this.#begin();
      const [, comm = '', gfpMask, order] = invoked;
      this.#trigger = { comm: decodeComm(bytesOf(comm)) };
      this.#asked = { gfpMask: Number(gfpMask), order: Number(order) };
      return null;
    }
    const [, invoker] = INVOKER.exec(message) ?? [];
    if (invoker !== undefined && this.#trigger !== undefined) {
      this.#trigger = { ...this.#trigger, pid: Number(invoker) };
      return null;
    }
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

  #begin(): void {
    this.#asked = null;
    this.#trigger = undefined;
    this.#limits = [];
    this.#limitCgroup = undefined;
    this.#summary = null;
    this.#chosenPid = undefined;
  }

  /** @param comm of the victim, as the log has it */
  #report(pid: number, comm: string): KmsgReport | null {
    if (this.#summary?.pid !== pid) return null;
    const { constraint, text } = this.#summary;
    const cgroups = cgroupsIn(text, comm, this.#limitCgroup);
    if (cgroups === null) return null;
    const { victimCgroup, limitCgroup } = cgroups;
    // Of two the one with less room left; the kernel tries the second one first.
    const room = ({ limitBytes, usageBytes }: KmsgLimit): number => limitBytes - usageBytes;
    const [limit] = this.#limits.toReversed().toSorted((a, b) => room(a) - room(b));
    return {
      constraint,
      victimCgroup: bytesOf(victimCgroup).toString(),
      ...(limitCgroup !== undefined && { limitCgroup: bytesOf(limitCgroup).toString(), ...(limit && { limit }) }),
      ...this.#asked,
    };
  }

  #killed(message: string, timeNs: number): ReportedKill | null {
    const [, what, digits, comm = ''] = KILLED.exec(message) ?? [];
    if (what === undefined) return null;
    const pid = Number(digits);
    // The one that was chosen is killed once more with its cgroup; by then it may have given memory back.
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
        comm: decodeComm(bytesOf(comm)),
        ...task,
        ...(this.#trigger && { trigger: this.#trigger }),
      },
    };
    // Those of which only ten in five seconds have a report must not get that of another.
    this.#trigger = undefined;
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

/** What is no printable ASCII, and every backslash, is written as \xHH. */
function bytesOf(text: string): Buffer {
  const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(bytes, 'latin1');
}
