/** States why memory ran out, by rules on what is known of a kill. Where no rule is sure, the cause is `unknown`. */
import type { Identity } from '../../containers/identity.ts';
import type { Past } from '../../history/usages.ts';
import { explainBurst, explainLeak, size } from './growth.ts';
import type { OomLimit, OomScope } from './kills.ts';
import type { MemoryHolder, MemoryKinds, MemoryReport } from './kmsg-memory.ts';

export type OomCause =
  | ('sysrq' | 'cpuset' | 'node_pressure' | 'limit_lowered' | 'tmpfs' | 'kernel_memory' | 'page_cache_dirty')
  | ('sibling' | 'many_processes' | 'leak' | 'burst' | 'unknown');

export interface CauseFacts {
  readonly scope: OomScope;
  readonly limit: Partial<Pick<OomLimit, 'owner' | 'limitBytes' | 'usageBytes'>> | undefined;
  readonly memory: MemoryReport | undefined;
  /** The largest processes of `memory`, with their owners as far as known. */
  readonly holders: readonly (MemoryHolder & { readonly owner?: Identity })[];
  readonly victim: Identity;
  /** Anonymous memory of the victim, which the kernel reports of each kill. */
  readonly victimAnonBytes?: number | undefined;
  /** The usage of the cgroup whose limit was hit, before it was. */
  readonly past?: Pick<Past, 'points'> | undefined;
}

export interface StatedCause {
  readonly cause: OomCause;
  /** A sentence with the numbers on which the cause rests. */
  readonly explanation: string;
}

/** Usage above the limit is that of a limit that was lowered: charges stop at it, but for a few that may not fail. */
const ABOVE_BYTES = 1 << 20;
const ABOVE_SHARE = 0.02;
/** A kind of memory is the cause from this share of all on. */
const MOST = 0.5;
/** Another container is the cause if it holds this many times what the victim's holds. */
const TIMES = 2;
/** Many processes are the cause if there are these many, and the largest one has at most this share. */
const MANY = 25;
const SMALL_SHARE = 1 / 8;

interface Rule {
  readonly cause: OomCause;
  /** The sentence where the rule applies, else null. */
  explain(facts: CauseFacts): string | null;
}

/** The first rule that applies counts. */
const RULES: readonly Rule[] = [
  { cause: 'sysrq', explain: ({ scope }) => (scope === 'sysrq' ? 'Somebody asked for the kill by sysrq-f' : null) },
  {
    cause: 'cpuset',
    explain: ({ scope }) =>
      scope === 'cpuset' || scope === 'mempolicy'
        ? `The NUMA nodes to which a ${scope === 'cpuset' ? 'cpuset' : 'memory policy'} confines the process were full`
        : null,
  },
  {
    cause: 'node_pressure',
    explain: ({ scope, memory }) =>
      scope === 'global' ? `The machine had no memory left${memory?.kinds ? `: ${listed(memory.kinds)}` : ''}` : null,
  },
  { cause: 'limit_lowered', explain: explainLowered },
  {
    cause: 'tmpfs',
    explain: ofKinds(({ shmemBytes }, all) =>
      shmemBytes >= MOST * all ? `Files in memory and shared memory held ${sizes(shmemBytes, all)}` : null,
    ),
  },
  {
    cause: 'kernel_memory',
    explain: ofKinds(({ kernelBytes }, all) =>
      kernelBytes >= MOST * all ? `The kernel's own memory for these processes was ${sizes(kernelBytes, all)}` : null,
    ),
  },
  {
    cause: 'page_cache_dirty',
    explain: ofKinds(({ fileBytes, dirtyBytes }, all) =>
      fileBytes >= MOST * all && dirtyBytes >= MOST * fileBytes
        ? `Pages of files that were not yet written held ${sizes(dirtyBytes, all)}`
        : null,
    ),
  },
  { cause: 'sibling', explain: explainSibling },
  { cause: 'many_processes', explain: explainMany },
  { cause: 'burst', explain: ofGrowth(explainBurst) },
  { cause: 'leak', explain: ofGrowth(explainLeak) },
];

export function stateCause(facts: CauseFacts): StatedCause {
  for (const { cause, explain } of RULES) {
    const explanation = explain(facts);
    if (explanation !== null) return { cause, explanation };
  }
  return { cause: 'unknown', explanation: describeUnknown(facts) };
}

function explainLowered({ limit: { limitBytes, usageBytes } = {} }: Pick<CauseFacts, 'limit'>): string | null {
  if (limitBytes === undefined || usageBytes === undefined) return null;
  if (usageBytes - limitBytes < Math.max(ABOVE_BYTES, ABOVE_SHARE * limitBytes)) return null;
  return `The limit was lowered to ${size(limitBytes)} while ${size(usageBytes)} were used`;
}

function explainSibling({ limit, memory, holders, victim }: CauseFacts): string | null {
  if (limit?.owner !== 'ancestor' || memory === undefined || memory.isTruncated) return null;
  const held = new Map<string, number>();
  let known = 0;
  for (const { owner, rssBytes } of holders) {
    if (owner === undefined) continue;
    known += rssBytes;
    held.set(placeOf(owner), (held.get(placeOf(owner)) ?? 0) + rssBytes);
  }
  // What processes without a known owner hold could be the victim's.
  const own = (held.get(placeOf(victim)) ?? 0) + memory.rssBytes - known;
  const [place = '', most = 0] = [...held].sort(([, a], [, b]) => b - a)[0] ?? [];
  if (place === placeOf(victim) || most < TIMES * own) return null;
  return `Processes of ${place} held ${size(most)} below the limit that it shares with the victim, whose held ${size(own)} at most`;
}

function explainMany({ memory, holders: [largest] }: CauseFacts): string | null {
  if (memory?.kinds === undefined || memory.isTruncated || largest === undefined) return null;
  const { kinds, processes, rssBytes } = memory;
  if (kinds.anonBytes < MOST * sum(kinds) || processes < MANY || largest.rssBytes > SMALL_SHARE * rssBytes) return null;
  return `${processes} processes held the memory, and the largest one, ${quoted(largest)}, only ${size(largest.rssBytes)}`;
}

function describeUnknown({ memory, holders: [largest], victimAnonBytes }: CauseFacts): string {
  if (memory?.kinds === undefined) {
    const held = victimAnonBytes && `; the victim held ${size(victimAnonBytes)} of anonymous memory`;
    return `Neither a full report of the kernel, which writes ten in five seconds, nor a sample tells what filled the memory${held ?? ''}`;
  }
  const holder = largest && `; the largest process, ${quoted(largest)}, held ${size(largest.rssBytes)}`;
  return `The memory was filled by ${listed(memory.kinds)}${holder ?? ''}`;
}

/** Rules on how anonymous memory grew. Where no kinds are known, that of the victim may be enough. */
function ofGrowth(explain: typeof explainBurst): Rule['explain'] {
  return ({ scope, memory, limit: { limitBytes, usageBytes } = {}, victimAnonBytes = 0, past }) => {
    if (scope !== 'memcg' || past === undefined || limitBytes === undefined || usageBytes === undefined) return null;
    const [anon, all] = memory?.kinds ? [memory.kinds.anonBytes, sum(memory.kinds)] : [victimAnonBytes, usageBytes];
    return anon < MOST * all ? null : explain(past.points, usageBytes, limitBytes);
  };
}

function ofKinds(explain: (kinds: MemoryKinds, all: number) => string | null): Rule['explain'] {
  return ({ scope, memory }) => (scope === 'memcg' && memory?.kinds ? explain(memory.kinds, sum(memory.kinds)) : null);
}

function sum({ anonBytes, fileBytes, shmemBytes, kernelBytes }: MemoryKinds): number {
  return anonBytes + fileBytes + shmemBytes + kernelBytes;
}

function placeOf({ containerId, cgroup }: Identity): string {
  return containerId ?? cgroup;
}

function listed({ anonBytes, fileBytes, shmemBytes, kernelBytes }: MemoryKinds): string {
  return [
    `${size(anonBytes)} of anonymous memory`,
    `${size(fileBytes)} of page cache`,
    `${size(shmemBytes)} of files in memory`,
    `${size(kernelBytes)} of the kernel's own`,
  ].join(', ');
}

function sizes(part: number, all: number): string {
  return `${size(part)} of ${size(all)}`;
}

/** A process can have any name. */
function quoted({ comm, tgid }: MemoryHolder): string {
  return `${JSON.stringify(comm)} (${tgid})`;
}
