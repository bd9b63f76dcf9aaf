/** What was known of a cgroup's memory before its limit was hit. */
import { growthOver, type Past } from '../../history/usages.ts';
import { kindsOf, type MemoryKinds } from './kmsg-memory.ts';

const S = 1000;
const [SHORT_MS, MINUTE_MS, LONG_MS] = [10 * S, 60 * S, 290 * S];
/** The ages of the samples that a record has, in s. */
const AGES_S = [300, 240, 180, 120, 60, 30, 20, 10, 5, 2, 1];

/** The kinds of memory in the last sample, for a kill whose report is cut; undefined where there is none. */
export function sampledKinds(
  past: Past | undefined,
): { kinds: MemoryKinds; ageMs: number; usageBytes: number } | undefined {
  const { statistics, statisticsAgoMs, statisticsUsageBytes } = past ?? {};
  if (statistics === undefined || statisticsAgoMs === undefined || statisticsUsageBytes === undefined) return undefined;
  const kinds = kindsOf(new Map(Object.entries(statistics)), new Map([['memory', statisticsUsageBytes / 1024]]));
  return kinds === null ? undefined : { kinds, ageMs: statisticsAgoMs, usageBytes: statisticsUsageBytes };
}

/** The fields of a record. @param usageBytes the usage at the kill */
export function describePast(past: Past | undefined, usageBytes: number | undefined) {
  if (past === undefined) return {};
  const growth = (ms: number): number | undefined => {
    const found = usageBytes === undefined ? undefined : growthOver(past, usageBytes, ms);
    return found && Math.round(found.bytesPerS);
  };
  return {
    growth_10s: growth(SHORT_MS),
    growth_1m: growth(MINUTE_MS),
    growth_5m: growth(LONG_MS),
    limit_hits: past.hits?.max,
    high_hits: past.hits?.high,
    usage_before: samplesOf(past),
  };
}

/** The sample before each age, once. */
function samplesOf({ points }: Past) {
  const found = AGES_S.map((seconds) => points.findLast(({ agoMs }) => agoMs >= seconds * S)).filter(
    (point) => point !== undefined,
  );
  return [...new Set(found)].map(({ agoMs, bytes }) => ({ seconds_before: Math.round(agoMs / 100) / 10, bytes }));
}
