/** Records of kills from before the start, from the kernel's log. They are in no metric. */

import type { Identity } from '../../containers/identity.ts';
import { scopeOf } from './kills.ts';
import type { KmsgReport, ReportedKill } from './kmsg.ts';
import { isBelow } from './kmsg-cgroups.ts';
import { describeKnown } from './record.ts';
import type { OomKillRecord } from './record-schema.ts';

export interface PastOptions {
  readonly identityOf: (path: string) => Identity;
  /** Selects kills in this cgroup and below it; empty: all. */
  readonly cgroup: string;
}

/** Uses the fields of other records as far as the log has them, and adds `read_from`. */
export function describePastKills(
  kills: readonly ReportedKill[],
  { identityOf, cgroup }: PastOptions,
): OomKillRecord[] {
  const records: OomKillRecord[] = [];
  // Cached, because a name may be read from files, and most kills are in a few cgroups.
  const identities = new Map<string, Identity>();
  const once = (path: string): Identity => {
    const identity = identities.get(path) ?? identityOf(path);
    identities.set(path, identity);
    return identity;
  };
  const isMember = ({ pid, chosenPid }: ReportedKill): boolean => chosenPid !== undefined && chosenPid !== pid;
  for (const [index, kill] of kills.entries()) {
    const path = kill.report?.victimCgroup;
    if (isMember(kill) || (cgroup !== '' && (path === undefined || !isBelow(path, cgroup)))) continue;
    const after = kills.slice(index + 1);
    const end = after.findIndex((other) => !isMember(other));
    records.push(describe(kill, end < 0 ? after : after.slice(0, end), once));
  }
  return records;
}

function describe(
  { pid, memcg, memory, report, about, chosenPid }: ReportedKill,
  members: readonly ReportedKill[],
  identityOf: PastOptions['identityOf'],
): OomKillRecord {
  const { constraint, limit, limitCgroup, victimCgroup, gfpMask, order, memory: filled } = report ?? {};
  const owner = memcg ? limitOwner(report) : 'node';
  return describeKnown({
    timeNs: about.timeNs,
    readFrom: 'kernel_log',
    scope: constraint === undefined ? (memcg ? 'memcg' : 'global') : scopeOf(constraint, order),
    limit: owner && { owner, ...limit, ...(limitCgroup !== undefined && { holder: identityOf(limitCgroup) }) },
    ...(order !== undefined && { order }),
    ...(gfpMask !== undefined && { gfpMask }),
    ...(filled && { memory: filled }),
    trigger: about.trigger ?? {},
    victim: {
      ...{ pid, ...memory, ...about },
      owner: victimCgroup === undefined ? { cgroup: 'unknown' } : identityOf(victimCgroup),
    },
    isGroup: chosenPid !== undefined,
    members: members.map(({ pid, memory, about }) => ({ pid, ...memory, ...about, reason: 'group' })),
  });
}

function limitOwner({ limitCgroup, victimCgroup }: Partial<KmsgReport> = {}): 'self' | 'ancestor' | undefined {
  if (limitCgroup === undefined) return undefined;
  return limitCgroup === victimCgroup ? 'self' : 'ancestor';
}
