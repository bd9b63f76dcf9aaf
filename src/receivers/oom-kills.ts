/** From events of single processes to decisions of the OOM killer, with what the kernel's log adds. */
import type { KmsgKill } from './kmsg.ts';
import type { OomEvent, OomTask, OomVictim } from './oom-events.ts';

/** Whose memory ran out, or that somebody asked for a kill. */
export type OomScope = 'memcg' | 'global' | 'cpuset' | 'mempolicy' | 'sysrq' | 'unknown';

/** Whose limit was hit. */
export interface OomLimit {
  /** The victim's own cgroup, one above it, or the machine. */
  readonly owner: 'self' | 'ancestor' | 'node';
  /** The cgroup, by its id in the hierarchy of the memory controller or, from the kernel's log, by its path. */
  readonly cgroup?: bigint | string;
  readonly limitBytes?: number;
  /** In that moment. */
  readonly usageBytes?: number;
  /** cgroup v1: of memory and swap together. */
  readonly includesSwap?: boolean;
}

/** One decision of the OOM killer. What is not known is absent. */
export interface OomKill {
  /** CLOCK_MONOTONIC, in ns. */
  readonly timeNs: number;
  /** The task whose allocation failed. */
  readonly trigger: OomTask;
  /** The process that was chosen. */
  readonly victim: OomVictim;
  /** Those that were killed with it, since their cgroup dies as a whole. */
  readonly members: readonly OomVictim[];
  /** Was it the kill of a whole cgroup (memory.oom.group)? */
  readonly isGroup?: boolean;
  readonly scope: OomScope;
  readonly limit?: OomLimit;
  /** Power of two of the pages that were asked for. */
  readonly order?: number;
  readonly gfpMask?: number;
  /** What those who could have been killed may use together. */
  readonly domainBytes?: number;
}

/** How long the kernel's own report of a kill may take to appear, in ms. It is written right after the event. */
const REPORT_MS = 300;

interface Waiting {
  readonly event: OomEvent;
  readonly since: number;
  report?: KmsgKill;
}

export class OomKills {
  readonly #log: { read(): KmsgKill[] } | null;
  #waiting: Waiting[] = [];
  #reports: { readonly report: KmsgKill; readonly since: number }[] = [];

  /** @param log what the kernel reports of kills, null where it cannot be read */
  constructor(log: { read(): KmsgKill[] } | null) {
    this.#log = log;
  }

  add(event: OomEvent, nowMs: number): void {
    this.#waiting.push({ event, since: nowMs });
  }

  /**
   * The kills of which all that belongs to them is known or will not come any more, oldest first.
   *
   * @param decided number of the last decision of which every victim was added
   * @param final nothing is waited for
   */
  take(nowMs: number, decided: number, final = false): OomKill[] {
    if (this.#waiting.length === 0) return [];
    this.#matchReports(nowMs);
    const kills: OomKill[] = [];
    let waiting = this.#waiting;
    this.#waiting = [];
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      const leader = first;
      const isOver = final || nowMs - leader.since >= REPORT_MS;
      if (isOver || this.#isComplete(leader, decided)) {
        const members = waiting.filter((other) => belongTogether(leader, other));
        waiting = waiting.filter((other) => !members.includes(other));
        kills.push(describe(leader, members));
      } else {
        this.#waiting.push(leader);
      }
    }
    return kills;
  }

  #matchReports(nowMs: number): void {
    for (const report of this.#log?.read() ?? []) this.#reports.push({ report, since: nowMs });
    for (const waiting of this.#waiting) {
      if (waiting.report !== undefined) continue;
      // The report names the process by the thread that was marked. Of several reports the last one: the others were
      // written while nobody looked, and their numbers have come again.
      const at = this.#reports.findLastIndex(({ report }) => report.pid === waiting.event.victim.pid);
      const [match] = at < 0 ? [] : this.#reports.splice(at, 1);
      if (match !== undefined) waiting.report = match.report;
    }
    // Reports of kills that the filter left out would pile up.
    this.#reports = this.#reports.filter(({ since }) => nowMs - since < 10 * REPORT_MS);
  }

  #isComplete({ event, report }: Waiting, decided: number): boolean {
    if (this.#log !== null && report === undefined) return false;
    if (event.groupCgroupId === 0n) return true;
    // Without a decision only time tells whether all have died that a whole cgroup could be of.
    return event.decision === null ? this.#log === null : decided >= event.decision.number;
  }
}

/** Were both killed because of the first? */
function belongTogether(first: Waiting, other: Waiting): boolean {
  const [a, b] = [first.event, other.event];
  if (a.groupCgroupId === 0n || a.groupCgroupId !== b.groupCgroupId) return false;
  if (a.decision !== null || b.decision !== null) return a.decision?.number === b.decision?.number;
  return other.report?.chosenPid === a.victim.pid && a.trigger.pid === b.trigger.pid;
}

function describe({ event, report }: Waiting, others: readonly Waiting[]): OomKill {
  const { timeNs, trigger, decision, groupCgroupId } = event;
  const victim = { ...event.victim, ...report?.memory };
  const members = others.map(({ event, report }) => ({ ...event.victim, ...report?.memory }));
  const who = { timeNs, trigger, victim, members };
  if (decision !== null) {
    const { order, gfpMask, domainBytes } = decision;
    const why = { scope: scopeOf(decision.constraint, order), limit: limitOf(decision.limit, victim) };
    return { ...who, isGroup: groupCgroupId !== 0n, ...why, order, gfpMask, domainBytes };
  }
  if (report === undefined) return { ...who, scope: 'unknown', ...(groupCgroupId === 0n && { isGroup: false }) };
  const isGroup = groupCgroupId !== 0n && report.chosenPid !== undefined;
  return { ...who, isGroup, ...explainByReport(report) };
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

function explainByReport({ memcg, report }: KmsgKill): Pick<OomKill, 'scope' | 'limit' | 'order' | 'gfpMask'> {
  const node: OomLimit = { owner: 'node' };
  // Without the longer report, a kill for some nodes of the machine looks like one for the whole machine.
  if (report === undefined) return memcg ? { scope: 'memcg' } : { scope: 'global', limit: node };
  const { constraint, victimCgroup, limitCgroup, limit, order, gfpMask } = report;
  const owner = limitCgroup === victimCgroup ? 'self' : 'ancestor';
  return {
    scope: scopeOf(constraint, order),
    limit: limitCgroup === undefined ? node : { owner, cgroup: limitCgroup, ...limit },
    ...(order !== undefined && { order }),
    ...(gfpMask !== undefined && { gfpMask }),
  };
}
