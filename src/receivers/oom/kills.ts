/** Groups the events of killed processes into decisions of the OOM killer, and adds details from the kernel's log. */

import type { OomEvent, OomTask, OomVictim } from './events.ts';
import type { KmsgKill, KmsgReport } from './kmsg.ts';
import type { MemoryReport } from './kmsg-memory.ts';
import { OomPaths } from './paths.ts';

/** Whose memory ran out; `sysrq` for a requested kill. */
export type OomScope = 'memcg' | 'global' | 'cpuset' | 'mempolicy' | 'sysrq' | 'unknown';

/** The reached limit. */
export interface OomLimit {
  /** The victim's own cgroup, one above it, or the machine. */
  readonly owner: 'self' | 'ancestor' | 'node';
  /** The cgroup, by its id in the hierarchy of the memory controller or, from the kernel's log, by its path. */
  readonly cgroup?: bigint | string;
  readonly limitBytes?: number;
  /** The usage at the time of the kill. */
  readonly usageBytes?: number;
  /** cgroup v1: the limit is that of memory and swap together. */
  readonly includesSwap?: boolean;
  /** Whether the trigger is outside of that cgroup, such as a process that lowers the limit. */
  readonly isTriggerOutside?: boolean;
}

/** A process that was killed along with the victim. */
export interface OomMember extends OomVictim {
  /**
   * `group`: its cgroup was killed as a whole (memory.oom.group). `shared_memory`: it shared a killed process's memory,
   * as a child of vfork or posix_spawn does; the kernel does not count it.
   */
  readonly reason: 'group' | 'shared_memory';
}

/** One decision of the OOM killer. Unknown fields are absent. */
export interface OomKill {
  /** CLOCK_MONOTONIC, in ns. */
  readonly timeNs: number;
  /** The task whose allocation failed. */
  readonly trigger: OomTask;
  /** The process that the OOM killer chose. */
  readonly victim: OomVictim;
  /** The processes that were killed along with the victim. */
  readonly members: readonly OomMember[];
  /** Whether a whole cgroup was killed (memory.oom.group). */
  readonly isGroup?: boolean;
  readonly scope: OomScope;
  readonly limit?: OomLimit;
  /** The failed allocation has 2^order pages. */
  readonly order?: number;
  readonly gfpMask?: number;
  /** The memory that all candidates may use together. */
  readonly domainBytes?: number;
  /** What filled the memory and who held it, by the kernel's report. */
  readonly memory?: MemoryReport;
}

/** How long to wait for the kernel's report of a kill, in ms. The kernel writes it right after the event. */
const REPORT_MS = 300;

interface Waiting {
  readonly event: OomEvent;
  readonly since: number;
  report?: KmsgKill;
}

export class OomKills {
  readonly #log: { read(): KmsgKill[] } | null;
  readonly #paths: OomPaths;
  #waiting: Waiting[] = [];
  /** Processes that were killed because they shared a victim's memory. */
  #sharers: { readonly event: OomEvent; readonly since: number }[] = [];
  #reports: { readonly report: KmsgKill; readonly since: number }[] = [];

  /**
   * @param log the kernel's log, null where it cannot be read
   * @param paths the paths of cgroups in the hierarchy that names containers
   */
  constructor(log: { read(): KmsgKill[] } | null, paths = new OomPaths(2)) {
    this.#log = log;
    this.#paths = paths;
  }

  add(event: OomEvent, nowMs: number): void {
    const list = event.sharesWith === 0 ? this.#waiting : this.#sharers;
    list.push({ event, since: nowMs });
  }

  /**
   * The complete kills, oldest first. A kill is complete when all its parts have arrived, or its time has run out.
   *
   * @param decided the number of the last decision of which all victims were added
   * @param final returns incomplete kills, too
   */
  take(nowMs: number, decided: number, final = false): OomKill[] {
    // Sharers of victims that the filter left out are never taken.
    this.#sharers = this.#sharers.filter(({ since }) => nowMs - since < 10 * REPORT_MS);
    if (this.#waiting.length === 0) return [];
    this.#matchReports(nowMs);
    const kills: OomKill[] = [];
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const isOver = final || nowMs - first.since >= REPORT_MS;
      // Later kills wait, too, so that the order stays.
      if (!isOver && !this.#isComplete(first, decided)) break;
      const members = this.#waiting.filter((other) => other !== first && belongTogether(first, other));
      this.#waiting = this.#waiting.filter((other) => other !== first && !members.includes(other));
      kills.push(describe(first, members, this.#takeSharers(first, members), this.#paths));
    }
    return kills;
  }

  /** Each sharer once: it gets two signals if it shares memory with two members, and can be a member itself. */
  #takeSharers(leader: Waiting, members: readonly Waiting[]): OomEvent[] {
    const killed = new Set([leader, ...members].map(({ event }) => event.victim.tgid));
    const isOfThis = ({ event }: { readonly event: OomEvent }): boolean =>
      killed.has(event.sharesWith) && event.trigger.pid === leader.event.trigger.pid;
    const found = new Map<number, OomEvent>();
    for (const sharer of this.#sharers.filter(isOfThis)) {
      const { tgid } = sharer.event.victim;
      if (!killed.has(tgid)) found.set(tgid, sharer.event);
    }
    this.#sharers = this.#sharers.filter((sharer) => !isOfThis(sharer));
    return [...found.values()];
  }

  #matchReports(nowMs: number): void {
    for (const report of this.#log?.read() ?? []) this.#reports.push({ report, since: nowMs });
    for (const waiting of this.#waiting) {
      if (waiting.report !== undefined) continue;
      // A report has the id of the marked thread. Of several reports the last one counts: earlier ones are of processes
      // whose ids were reused.
      const at = this.#reports.findLastIndex(({ report }) => report.pid === waiting.event.victim.pid);
      const [match] = at < 0 ? [] : this.#reports.splice(at, 1);
      if (match !== undefined) waiting.report = match.report;
    }
    // Reports of kills that the filter left out are never taken.
    this.#reports = this.#reports.filter(({ since }) => nowMs - since < 10 * REPORT_MS);
  }

  #isComplete({ event, report }: Waiting, decided: number): boolean {
    if (this.#log !== null && report === undefined) return false;
    if (event.groupCgroupId === 0n && !event.isShared) return true;
    if (event.decision !== null) return decided >= event.decision.number;
    // Only the timeout tells whether all processes of a cgroup, or all sharers, have been killed.
    return this.#log === null && !event.isShared;
  }
}

/** Whether both events belong to the decision of the first. */
function belongTogether(first: Waiting, other: Waiting): boolean {
  const [a, b] = [first.event, other.event];
  if (a.groupCgroupId === 0n || a.groupCgroupId !== b.groupCgroupId) return false;
  if (a.decision !== null || b.decision !== null) return a.decision?.number === b.decision?.number;
  return other.report?.chosenPid === a.victim.pid && a.trigger.pid === b.trigger.pid;
}

function describe(
  { event, report }: Waiting,
  others: readonly Waiting[],
  sharers: readonly OomEvent[],
  paths: OomPaths,
): OomKill {
  const { timeNs, trigger, decision, groupCgroupId } = event;
  const victim = { ...event.victim, ...report?.memory };
  const members: OomMember[] = [
    ...others.map(({ event, report }) => ({ ...event.victim, ...report?.memory, reason: 'group' as const })),
    ...sharers.map(({ victim }) => ({ ...victim, reason: 'shared_memory' as const })),
  ];
  const memory = report?.report?.memory;
  const who = { timeNs, trigger, victim, members, ...(memory && { memory }) };
  if (decision !== null) {
    const { order, gfpMask, domainBytes } = decision;
    const why = { scope: scopeOf(decision.constraint, order), limit: limitOf(decision.limit, victim) };
    return { ...who, isGroup: groupCgroupId !== 0n, ...why, order, gfpMask, domainBytes };
  }
  if (report === undefined) return { ...who, scope: 'unknown', ...(groupCgroupId === 0n && { isGroup: false }) };
  const isGroup = groupCgroupId !== 0n && report.chosenPid !== undefined;
  return { ...who, isGroup, ...explainByReport(report, event, paths) };
}

export function scopeOf(constraint: string, order?: number): OomScope {
  if (order === -1) return 'sysrq';
  switch (constraint) {
    case 'none':
      return 'global';
    case 'memory_policy':
      return 'mempolicy';
    case 'cpuset':
    case 'memcg':
      return constraint;
    default:
      return 'unknown';
  }
}

function limitOf(limit: NonNullable<OomEvent['decision']>['limit'], victim: OomVictim): OomLimit {
  if (limit === null) return { owner: 'node' };
  const { cgroupId, ...amounts } = limit;
  return { owner: cgroupId === victim.memoryCgroupId ? 'self' : 'ancestor', cgroup: cgroupId, ...amounts };
}

function explainByReport(
  { memcg, report }: KmsgKill,
  { trigger }: OomEvent,
  paths: OomPaths,
): Pick<OomKill, 'scope' | 'limit' | 'order' | 'gfpMask'> {
  const node: OomLimit = { owner: 'node' };
  // Without the long report, scopes cpuset and mempolicy look like global.
  if (report === undefined) return memcg ? { scope: 'memcg' } : { scope: 'global', limit: node };
  const { constraint, order, gfpMask } = report;
  return {
    scope: scopeOf(constraint, order),
    limit: reportedLimit(report, trigger, paths) ?? node,
    ...(order !== undefined && { order }),
    ...(gfpMask !== undefined && { gfpMask }),
  };
}

function reportedLimit(report: KmsgReport, trigger: OomTask, paths: OomPaths): OomLimit | null {
  const { victimCgroup, limitCgroup, limit } = report;
  if (limitCgroup === undefined) return null;
  const isTriggerOutside = paths.isOutside(trigger, limitCgroup);
  return {
    owner: limitCgroup === victimCgroup ? 'self' : 'ancestor',
    cgroup: limitCgroup,
    ...limit,
    ...(isTriggerOutside !== undefined && { isTriggerOutside }),
  };
}
