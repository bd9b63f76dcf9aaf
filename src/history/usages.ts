/** How much memory cgroups used in the last five minutes, to the second where their limit was near. */
import { STEP_S, STEPS } from './schema.ts';

/** Older samples are dropped, but for one. */
const MAX_AGE_MS = STEP_S * STEPS * 1000;
/** Of samples that are older than this, one in each step stays, in ms. */
const FINE_MS = 15_000;
const STEP_MS = STEP_S * 1000;

/** What a cgroup held, by kind. */
export interface Statistics {
  readonly [name: string]: number;
}

export interface Noted {
  /** The cgroup's id; absent where only its path is known. */
  readonly id?: bigint;
  readonly usageBytes: number;
  /** The numbers of memory.stat, where it was read. Few are ever asked for, so only then is the text parsed. */
  readonly statistics?: () => Statistics;
  /** How often usage met memory.max (v1: failcnt) and memory.high since the cgroup began. */
  readonly hits?: { readonly max: number; readonly high?: number };
}

interface Point {
  readonly ms: number;
  readonly bytes: number;
}

/** What is known of a cgroup's memory before a moment. */
export interface Past {
  /** Oldest first; ages in ms before that moment. */
  readonly points: readonly { readonly agoMs: number; readonly bytes: number }[];
  readonly hits?: NonNullable<Noted['hits']>;
  readonly statistics?: Statistics;
  /** The age of `statistics`. */
  readonly statisticsAgoMs?: number;
  readonly statisticsUsageBytes?: number;
}

interface Held {
  readonly id: bigint | undefined;
  readonly points: Point[];
  hits?: { readonly ms: number; readonly all: NonNullable<Noted['hits']> };
  statistics?: { ms: number; readonly usageBytes: number; readonly all: () => Statistics };
}

export class Usages {
  readonly #held = new Map<string, Held>();

  /** @param path of the cgroup in the hierarchy of the memory controller */
  note(path: string, { id, usageBytes, statistics, hits }: Noted, nowMs: number): void {
    let held = this.#held.get(path);
    // Another cgroup has the path by now.
    if (held === undefined || (id !== undefined && held.id !== undefined && held.id !== id)) {
      held = { id, points: [] };
      this.#held.set(path, held);
    }
    held.points.push({ ms: nowMs, bytes: usageBytes });
    thin(held.points, nowMs);
    if (hits !== undefined) held.hits = { ms: nowMs, all: hits };
    if (statistics !== undefined) held.statistics = { ms: nowMs, usageBytes, all: statistics };
  }

  /** Notes what was noted last again: nothing has happened in the cgroup since. */
  repeat(path: string, nowMs: number): void {
    const { points = [], hits, statistics } = this.#held.get(path) ?? {};
    const usageBytes = points.at(-1)?.bytes;
    if (usageBytes === undefined) return;
    this.note(path, { usageBytes, ...(hits && { hits: hits.all }) }, nowMs);
    if (statistics !== undefined) statistics.ms = nowMs;
  }

  /** undefined where nothing was noted before. @param id as in {@link Noted}: another cgroup's past is not given */
  before(path: string, nowMs: number, id?: bigint): Past | undefined {
    const held = this.#held.get(path);
    if (held === undefined || (id !== undefined && held.id !== undefined && held.id !== id)) return undefined;
    const points = held.points.filter(({ ms }) => ms <= nowMs).map(({ ms, bytes }) => ({ agoMs: nowMs - ms, bytes }));
    if (points.length === 0) return undefined;
    const { hits, statistics } = held;
    return {
      points,
      ...(hits && hits.ms <= nowMs && { hits: hits.all }),
      ...(statistics &&
        statistics.ms <= nowMs && {
          statistics: statistics.all(),
          statisticsAgoMs: nowMs - statistics.ms,
          statisticsUsageBytes: statistics.usageBytes,
        }),
    };
  }

  /** Forgets cgroups of which nothing was noted for five minutes. */
  expire(nowMs: number): void {
    for (const [path, { points }] of this.#held) {
      if (nowMs - (points.at(-1)?.ms ?? 0) > MAX_AGE_MS) this.#held.delete(path);
    }
  }

  get size(): number {
    return this.#held.size;
  }
}

/** At most some 50 points stay: one in each step, and all of the last seconds. */
function thin(points: Point[], nowMs: number): void {
  const old = points.filter(({ ms }) => nowMs - ms > FINE_MS);
  const kept = old.filter(({ ms }, index) => {
    const before = old[index - 1];
    return (
      before === undefined || Math.floor(before.ms / STEP_MS) !== Math.floor(ms / STEP_MS) || nowMs - ms <= FINE_MS
    );
  });
  const first = kept.findLastIndex(({ ms }) => nowMs - ms >= MAX_AGE_MS);
  points.splice(0, old.length, ...kept.slice(Math.max(first, 0)));
}

/** How fast usage grew before a moment, in bytes/s. */
export interface Growth {
  readonly bytesPerS: number;
  /** Over how long, in s: at least what was asked for, where so much is known. */
  readonly overS: number;
  readonly fromBytes: number;
}

/** undefined without a sample that is old enough. @param usageBytes the usage at that moment */
export function growthOver({ points }: Pick<Past, 'points'>, usageBytes: number, windowMs: number): Growth | undefined {
  const from = points.findLast(({ agoMs }) => agoMs >= windowMs);
  if (from === undefined) return undefined;
  const overS = from.agoMs / 1000;
  return { bytesPerS: (usageBytes - from.bytes) / overS, overS, fromBytes: from.bytes };
}
