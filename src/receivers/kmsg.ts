/** The kernel's own report of OOM kills, from /dev/kmsg: there it says whose limit was hit. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { seekToEnd } from '../libbpf/index.ts';

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
  readonly victimCgroup: string;
  /** Paths below the root of the hierarchy. Absent where no cgroup's limit was hit. */
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

const INVOKED = / invoked oom-killer: gfp_mask=(0x[0-9a-f]+)\(.*\), order=(-?\d+), /;
const USAGE = /^(memory|memory\+swap): usage (\d+)kB, limit (\d+)kB, /;
const SUMMARY =
  /^oom-kill:constraint=CONSTRAINT_(\w+),.*?(?:,oom_memcg=(.*)|,global_oom),task_memcg=(.*),task=.*,pid=(\d+),uid=\d+$/;
const KILLED = /^(Memory cgroup out of memory|Out of memory[^:]*): Killed process (\d+) /;
const MEMORY =
  /\) total-vm:(\d+)kB, anon-rss:(\d+)kB, file-rss:(\d+)kB, shmem-rss:(\d+)kB, UID:\d+ pgtables:(\d+)kB oom_score_adj:/;
const WHOLE_CGROUP = /^Tasks in .* are going to be killed due to memory\.oom\.group set$/;

/**
 * Understands the records of /dev/kmsg one after the other. The kernel writes what belongs to one kill in one piece
 * (mm/oom_kill.c, under oom_lock): from "invoked oom-killer" to "oom-kill:", which may be left out, "Killed process",
 * and where a whole cgroup is killed "Tasks in …" and a "Killed process" for each.
 */
export class KmsgKills {
  #asked: { readonly gfpMask: number; readonly order: number } | null = null;
  #limits: KmsgLimit[] = [];
  #summary: { readonly pid: number; readonly report: KmsgReport } | null = null;
  #last: KmsgKill | null = null;
  #chosenPid: number | undefined;

  /**
   * The kill that a record reports, or null.
   *
   * @param record `priority,sequence,microseconds,flags;message`
   */
  take(record: string): KmsgKill | null {
    // The kernel's own records have a priority below 8; what programs write there has more.
    if (!/^[0-7],/.test(record)) return null;
    const [message = ''] = record.slice(record.indexOf(';') + 1).split('\n');
    const invoked = INVOKED.exec(message);
    if (invoked !== null) {
      this.#begin();
      this.#asked = { gfpMask: Number(invoked[1]), order: Number(invoked[2]) };
      return null;
    }
    const [, what, usageKb, limitKb] = USAGE.exec(message) ?? [];
    if (what !== undefined) {
      const bytes = { limitBytes: Number(limitKb) * 1024, usageBytes: Number(usageKb) * 1024 };
      this.#limits.push({ ...bytes, includesSwap: what !== 'memory' });
      return null;
    }
    const summary = SUMMARY.exec(message);
    if (summary !== null) {
      const [, constraint = '', limitCgroup, victimCgroup = '', pid] = summary;
      this.#summary = { pid: Number(pid), report: this.#report(constraint, decodeEscapes(victimCgroup), limitCgroup) };
      return null;
    }
    if (WHOLE_CGROUP.test(message) && this.#last !== null) {
      this.#chosenPid = this.#last.pid;
      this.#last.chosenPid = this.#last.pid;
      return null;
    }
    return this.#killed(message);
  }

  #begin(): void {
    this.#asked = null;
    this.#limits = [];
    this.#summary = null;
    this.#chosenPid = undefined;
  }

  #report(constraint: string, victimCgroup: string, limitCgroup: string | undefined): KmsgReport {
    // Of two the one with less room left; the kernel tries the second one first.
    const room = ({ limitBytes, usageBytes }: KmsgLimit): number => limitBytes - usageBytes;
    const [limit] = this.#limits.toReversed().toSorted((a, b) => room(a) - room(b));
    return {
      constraint: constraint.toLowerCase(),
      victimCgroup,
      ...(limitCgroup !== undefined && { limitCgroup: decodeEscapes(limitCgroup), ...(limit && { limit }) }),
      ...this.#asked,
    };
  }

  #killed(message: string): KmsgKill | null {
    const [, what, digits] = KILLED.exec(message) ?? [];
    if (what === undefined) return null;
    const pid = Number(digits);
    // The one that was chosen is killed once more with its cgroup; by then it may have given memory back.
    if (pid === this.#chosenPid) return null;
    const report = this.#summary?.pid === pid ? this.#summary.report : undefined;
    const memory = memoryIn(message);
    this.#last = {
      pid,
      memcg: what.startsWith('Memory cgroup'),
      ...(memory && { memory }),
      ...(report && { report }),
      ...(this.#chosenPid !== undefined && { chosenPid: this.#chosenPid }),
    };
    return this.#last;
  }
}

function memoryIn(message: string): KmsgMemory | null {
  const found = MEMORY.exec(message);
  if (found === null) return null;
  const [totalVmBytes = 0, anonBytes = 0, fileBytes = 0, shmemBytes = 0, pageTableBytes = 0] = found
    .slice(1)
    .map((kb) => Number(kb) * 1024);
  return { totalVmBytes, anonBytes, fileBytes, shmemBytes, pageTableBytes };
}

/** What is no printable ASCII, and every backslash, is written as \xHH. */
function decodeEscapes(text: string): string {
  const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}

/** A record is at most this long, Documentation/ABI/testing/dev-kmsg. */
const RECORD_BYTES = 8192;

export class Kmsg {
  readonly #fd: number;
  readonly #record = Buffer.alloc(RECORD_BYTES);
  readonly #kills = new KmsgKills();

  /** Opens the log at its end. Throws when this process may not read it (CAP_SYSLOG) or it is not there. */
  constructor(path = '/dev/kmsg') {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      seekToEnd(this.#fd);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** The kills reported since the last call. */
  read(): KmsgKill[] {
    const kills: KmsgKill[] = [];
    for (;;) {
      try {
        const length = readSync(this.#fd, this.#record);
        if (length === 0) return kills;
        const kill = this.#kills.take(this.#record.toString('utf8', 0, length));
        if (kill !== null) kills.push(kill);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') return kills; // nothing more
        if (code !== 'EPIPE') throw error; // EPIPE: overwritten before we read it; the next read goes on after the gap
      }
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
