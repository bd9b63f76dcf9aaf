/** The last five minutes of one container. */
import type { Attributes } from '@opentelemetry/api';
import type { Sample } from '../metrics/registry.ts';
import { type Column, GAUGE_NAMES, isPart, waitOf } from './columns.ts';
import { Counts } from './counts.ts';
import { emptyCounts, quantile } from './durations.ts';
import { MINUTE, SECONDS, STEPS } from './schema.ts';

/** How many counters of a container are followed: it can make any number of cgroups. */
const MAX_COUNTERS = 2000;

/** The step and, while somebody looks, the second that go on. */
export interface Now {
  readonly step: number;
  readonly second: number | null;
}

/** What a counter had when it was last taken. */
export interface Seen {
  /** Histograms: in the lowest 32 bits. */
  readonly counts: Uint32Array | null;
  total: number;
}

export class ContainerHistory {
  /** The first step. */
  readonly since: number;
  /** The last step in which something was counted, or a gauge was known. */
  lastStep: number;
  attributes: Attributes;
  /** How many are followed. */
  counters = 0;
  readonly steps = new Counts(STEPS + 1, MINUTE + 1);
  /** The last seconds, while somebody looks. */
  seconds: Counts | null = null;
  /** The causes of waits, as they appear. */
  readonly causes = new Set<string>();

  constructor(attributes: Attributes, step: number) {
    this.attributes = attributes;
    this.since = step;
    this.lastStep = step;
  }

  get bytes(): number {
    return this.steps.bytes + (this.seconds?.bytes ?? 0);
  }

  /** Begins to keep seconds. The first one has all of the step that goes on. */
  beginSeconds({ step, second }: Now): void {
    this.seconds = new Counts(SECONDS + 1, SECONDS + 1);
    this.seconds.copy(this.steps, step, second ?? 0);
  }

  /** Names come later than ids; of a container's own cgroup and those inside, the outermost one names it. */
  name(attributes: Attributes): void {
    if (attributes !== this.attributes && isNamedBetter(attributes, this.attributes)) this.attributes = attributes;
  }

  get hasRoom(): boolean {
    return this.counters < MAX_COUNTERS;
  }

  /** @returns whether there was room for the column */
  setGauge(name: string, step: number, value: number): boolean {
    this.lastStep = step;
    return this.steps.rings.set(name, step, value);
  }

  /** Gives those gauges of the step before to a step that has none yet. */
  repeatGauges(step: number): void {
    for (const name of GAUGE_NAMES) {
      const value = this.steps.rings.get(name, step - 1);
      if (value !== null && this.steps.rings.get(name, step) === null) this.setGauge(name, step, value);
    }
  }

  /**
   * Adds what a counter has more than was seen of it.
   *
   * @param fold of a histogram's buckets
   * @param isBefore whether all of it was counted before this step
   * @returns whether there was room for the column
   */
  add(
    { metric, member: { totals } }: Sample,
    column: Column,
    seen: Seen,
    now: Now,
    fold: readonly number[],
    isBefore: boolean,
  ): boolean {
    const total = (totals[0] ?? 0) / (metric.perUnit ?? 1);
    const growth = Math.max(total - seen.total, 0);
    seen.total = Math.max(total, seen.total);
    if (column.kind === 'durations')
      return this.#addDurations(column.op, seen.counts, totals, growth, now, fold, isBefore);
    if (isBefore) return true;
    if (growth === 0) return this.steps.rings.has(column.name) || this.#add(column.name, now, 0);
    this.lastStep = now.step;
    const [op = '', ...cause] = column.name.split('/');
    if (cause[0] === 'wait' && !isPart(op)) this.#wait(cause.slice(1).join('/'), now, growth);
    return this.#add(column.name, now, growth);
  }

  /** Notes percentiles of a step, which may go on. */
  notePercentiles(step: number): void {
    for (const [op, durations] of this.steps.durations) {
      if (!durations.isIn(step)) continue;
      const p99 = quantile(durations.of(step, 1), 0.99);
      if (p99 !== null) this.steps.rings.set(`${op}/p99_us`, step, p99);
    }
  }

  endStep(step: number): void {
    for (const durations of this.steps.durations.values()) durations.keep(step);
  }

  #wait(cause: string, now: Now, seconds: number): void {
    this.causes.add(cause);
    this.#add(waitOf(cause), now, seconds);
  }

  /** @returns whether there was room for the column */
  #add(name: string, { step, second }: Now, value: number): boolean {
    if (second !== null) this.seconds?.rings.add(name, second, value);
    return this.steps.rings.add(name, step, value);
  }

  #addDurations(
    op: string,
    seen: Uint32Array | null,
    totals: ArrayLike<number>,
    sumUs: number,
    at: Now,
    fold: readonly number[],
    isBefore: boolean,
  ): boolean {
    if (seen === null) return false;
    const { step, second } = at;
    const now = folded.fill(0);
    for (let bucket = 1; bucket < totals.length; bucket++) {
      const coarse = fold[bucket - 1] ?? 0;
      now[coarse] = (now[coarse] ?? 0) + (totals[bucket] ?? 0);
    }
    let count = 0;
    for (let bucket = 0; bucket < now.length; bucket++) {
      const growth = ((now[bucket] ?? 0) - (seen[bucket] ?? 0)) >>> 0;
      if (growth === 0 || growth > 2 ** 31) continue; // a number that seems to have fallen was not read well
      seen[bucket] = now[bucket] ?? 0;
      if (isBefore) continue;
      this.steps.addDuration(op, step, bucket, growth);
      if (second !== null) this.seconds?.addDuration(op, second, bucket, growth);
      count += growth;
    }
    if (count === 0) return true;
    this.lastStep = step;
    return this.#add(`${op}/count`, at, count) && this.#add(`${op}/sum_s`, at, sumUs / 1e6);
  }
}

/** One after the other is folded. */
const folded = emptyCounts();

function isNamedBetter(now: Attributes, before: Attributes): boolean {
  const depth = ({ cgroup }: Attributes): number => `${cgroup}`.length;
  if (depth(now) !== depth(before)) return depth(now) < depth(before);
  return now['container.name'] !== undefined && before['container.name'] === undefined;
}
