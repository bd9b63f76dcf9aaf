/** The OOM receiver: every kill counted in the kernel, its details from a ring buffer. Mirrors bpf/oom.h. */
import { join } from 'node:path';
import { array, BpfObject, Cells, pageSize, type RingBuffer, Struct, u8, u32, u64 } from '../libbpf/index.ts';
import { decodeComm } from './comm.ts';
import { checkKernel, explain } from './kernel.ts';
import { Kmsg, type KmsgKill, type OomScope } from './kmsg.ts';

const COMM_BYTES = 16;

export const OOM_CONFIG = new Struct('oom_config', { pid_ns_inum: u64 });
export const OOM_COUNTERS = new Struct('oom_counters', { kills: u64, lost: u64 });
export const OOM_EVENT = new Struct('oom_event', {
  time_ns: u64,
  memory_cgroup_id: u64,
  default_cgroup_id: u64,
  anon_pages: u64,
  file_pages: u64,
  shmem_pages: u64,
  total_vm_pages: u64,
  victim_pid: u32,
  victim_tgid: u32,
  victim_uid: u32,
  trigger_pid: u32,
  trigger_tgid: u32,
  trigger_uid: u32,
  oom_score_adj: u32, // signed
  victim_comm: array(u8, COMM_BYTES),
  trigger_comm: array(u8, COMM_BYTES),
});

export interface OomTask {
  readonly pid: number;
  readonly tgid: number;
  readonly uid: number;
  readonly comm: string;
}

export interface OomKill {
  /** CLOCK_MONOTONIC, in ns. */
  readonly timeNs: number;
  readonly victim: OomTask;
  readonly trigger: OomTask;
  /** Of the victim, in the v1 memory hierarchy, or in v2 where memory is a v2 controller. */
  readonly memoryCgroupId: bigint;
  /** Of the victim, in the v2 hierarchy. */
  readonly defaultCgroupId: bigint;
  readonly anonBytes: number;
  readonly fileBytes: number;
  readonly shmemBytes: number;
  readonly totalVmBytes: number;
  readonly oomScoreAdj: number;
  /** Whose memory ran out: a cgroup's limit, the machine's, or not known here. */
  readonly scope: OomScope;
}

export interface OomOptions {
  /** Count only victims of this PID namespace and those below it; 0 counts all. */
  readonly pidNsInum: number;
  /** Size of the ring buffer: a power of two, at least a page. */
  readonly ringBytes: number;
  readonly objects: string;
}

/** How long the kernel's own report of a kill may take to appear, in ms. It is written right after the event. */
const REPORT_MS = 300;

export class OomReceiver {
  readonly method = 'tracepoint';
  /** Why the scope of kills is not known, or null. */
  readonly kmsgProblem: string | null;
  readonly #object: BpfObject;
  readonly #counters: Cells;
  readonly #ring: RingBuffer;
  readonly #pageBytes = pageSize();
  readonly #kmsg: Kmsg | null;
  #waiting: { readonly kill: OomKill; readonly since: number }[] = [];
  #reports: { readonly report: KmsgKill; readonly since: number }[] = [];

  static start(options: OomOptions): OomReceiver {
    checkKernel();
    const object = BpfObject.open(join(options.objects, 'oom.bpf.o'));
    try {
      return new OomReceiver(options, object);
    } catch (error) {
      object.close();
      throw explain(error);
    }
  }

  private constructor({ pidNsInum, ringBytes }: OomOptions, object: BpfObject) {
    this.#object = object;
    object.map('.rodata.config').setInitialValue(OOM_CONFIG.encode({ pid_ns_inum: pidNsInum }));
    object.map('events').setMaxEntries(ringBytes);
    const signal = object.program('signal_sent');
    const mark = object.program('victim_marked');
    object.load();
    this.#counters = new Cells(object.map('.data.counters').memory(OOM_COUNTERS.size));
    this.#ring = object.map('events').ringBuffer(ringBytes, this.#pageBytes);
    const { kmsg, problem } = openKmsg();
    this.#kmsg = kmsg;
    this.kmsgProblem = problem;
    signal.attach();
    mark.attach();
  }

  /** All kills so far, those among them of which nothing else is known, and times the ring buffer was unreadable. */
  counts(): { readonly kills: number; readonly lost: number; readonly corrupted: number } {
    return {
      kills: this.#counters.at(OOM_COUNTERS.offsets.kills / 8),
      lost: this.#counters.at(OOM_COUNTERS.offsets.lost / 8),
      corrupted: this.#ring.corrupted,
    };
  }

  /**
   * The kills since the last call, each once; one whose report in the kernel's log is still to come waits for it,
   * for at most {@link REPORT_MS}. Makes no system call while nobody is killed.
   *
   * @param final wait no longer: for the last call
   */
  take(nowMs: number, final = false): OomKill[] {
    this.#ring.drain((record) => {
      if (record.length >= OOM_EVENT.size) {
        this.#waiting.push({ kill: decodeOomEvent(record, this.#pageBytes), since: nowMs });
      }
    });
    if (this.#waiting.length === 0) return [];
    for (const report of this.#kmsg?.read() ?? []) this.#reports.push({ report, since: nowMs });

    const ready: OomKill[] = [];
    this.#waiting = this.#waiting.filter(({ kill, since }) => {
      // The report names the process; which of its threads was marked, it does not say.
      const at = this.#reports.findIndex(({ report }) => report.pid === kill.victim.pid);
      const [match] = at < 0 ? [] : this.#reports.splice(at, 1);
      if (match === undefined && this.#kmsg !== null && !final && nowMs - since < REPORT_MS) return true;
      ready.push({ ...kill, scope: match?.report.scope ?? 'unknown' });
      return false;
    });
    // Reports of kills that the filter left out would pile up.
    this.#reports = this.#reports.filter(({ since }) => nowMs - since < 10 * REPORT_MS);
    return ready;
  }

  get stopped(): boolean {
    return this.#object.closed;
  }

  /** Detaches and unloads everything. Safe to call twice. */
  stop(): void {
    if (this.stopped) return;
    this.#object.close();
    this.#kmsg?.close();
  }
}

/** One `struct oom_event`. */
export function decodeOomEvent(record: Buffer, pageBytes: number): OomKill {
  const at = OOM_EVENT.offsets;
  const pages = (offset: number): number => Number(record.readBigUInt64LE(offset)) * pageBytes;
  const comm = (offset: number): string => decodeComm(record.subarray(offset, offset + COMM_BYTES));
  return {
    timeNs: Number(record.readBigUInt64LE(at.time_ns)),
    memoryCgroupId: record.readBigUInt64LE(at.memory_cgroup_id),
    defaultCgroupId: record.readBigUInt64LE(at.default_cgroup_id),
    anonBytes: pages(at.anon_pages),
    fileBytes: pages(at.file_pages),
    shmemBytes: pages(at.shmem_pages),
    totalVmBytes: pages(at.total_vm_pages),
    victim: {
      pid: record.readUInt32LE(at.victim_pid),
      tgid: record.readUInt32LE(at.victim_tgid),
      uid: record.readUInt32LE(at.victim_uid),
      comm: comm(at.victim_comm),
    },
    trigger: {
      pid: record.readUInt32LE(at.trigger_pid),
      tgid: record.readUInt32LE(at.trigger_tgid),
      uid: record.readUInt32LE(at.trigger_uid),
      comm: comm(at.trigger_comm),
    },
    oomScoreAdj: record.readInt32LE(at.oom_score_adj),
    scope: 'unknown',
  };
}

function openKmsg(): { kmsg: Kmsg | null; problem: string | null } {
  try {
    return { kmsg: new Kmsg(), problem: null };
  } catch (error) {
    return { kmsg: null, problem: (error as Error).message };
  }
}
