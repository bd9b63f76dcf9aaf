/** The overlayfs receiver as a source of metrics, with the names of cgroups. */
import { attributesOf } from '../../containers/attributes.ts';
import type { Cgroups } from '../../containers/cgroups.ts';
import type { CgroupFilter } from '../../containers/filter.ts';
import type { Identity } from '../../containers/identity.ts';
import { sharerOf } from '../../containers/place.ts';
import type { Counted } from '../../history/feed.ts';
import type { Sample, Source } from '../../metrics/registry.ts';
import { monotonicMs, monotonicNs, toHrTime, wallMs } from '../../program/clock.ts';
import { combined } from '../histograms.ts';
import { type CgroupTotals, endedOf } from './counts.ts';
import { metrics, overlayfsMetrics } from './metrics.ts';
import { eachOp, OPS, type Op } from './operations.ts';
import type { OverlayfsReceiver } from './receiver.ts';
import { overlayfsSamples } from './samples.ts';

/**
 * How many cgroups a walk for names may visit at a time, without file handles: it takes some ms, so that no scrape has
 * to wait for long.
 */
const WALK_BUDGET = 512;

export class OverlayfsSource implements Source {
  readonly metrics = overlayfsMetrics.filter(({ aboutFloatie }) => aboutFloatie !== true);
  readonly #receiver: OverlayfsReceiver;
  readonly #cgroups: Cgroups;
  #filter: CgroupFilter | null;
  readonly #ops: readonly Op[];
  readonly #startTime = toHrTime(wallMs());
  /** Operations of excluded cgroups that are included or removed by now. */
  readonly #excluded: Record<Op, number> = eachOp(() => 0);
  /** By key, the counts of a cgroup when the filter last included or excluded it, which are counted elsewhere. */
  readonly #before = new Map<string, CgroupTotals>();

  /** The keys of series that a reader may have seen. */
  readonly #shown = new Set<string>();
  /** Living cgroups whose entries were taken, until they are removed. */
  readonly #banished = new Set<bigint>();

  /**
   * @param filter selects the cgroups that get series; null: all
   * @param ops the chosen operations
   */
  constructor(
    receiver: OverlayfsReceiver,
    cgroups: Cgroups,
    filter: CgroupFilter | null = null,
    ops: readonly Op[] = OPS,
  ) {
    this.#receiver = receiver;
    this.#cgroups = cgroups;
    this.#filter = filter;
    this.#ops = ops;
  }

  /** All counts. Makes system calls only for new cgroups. */
  *read(): Generator<Sample> {
    const excluded = this.#filter === null ? null : { ...this.#excluded };
    yield* overlayfsSamples(this.#counted(excluded), this.#identityOf);
    if (excluded !== null) yield* this.#excludedSamples(excluded);
  }

  /** As {@link read}, for the history: only of cgroups with a name and an entry, and none of them becomes a series. */
  *peek(): Generator<Counted> {
    for (const { key, cgroupId, version, totals } of this.#receiver.entries()) {
      if (!this.#cgroups.knows(cgroupId)) continue;
      const identity = this.#identityOf(cgroupId);
      if (this.#filter?.(identity.cgroup) === false) continue;
      const samples = () => overlayfsSamples([this.#since(totals())], this.#identityOf);
      yield { key, version, attributes: attributesOf(identity), samples };
    }
  }

  /** Finds the names of new cgroups before they are removed. */
  learn(): void {
    this.#cgroups.learn(this.#receiver.cgroupIds(), WALK_BUDGET);
  }

  /** Call before the last read: all cgroups without a name are called unknown. */
  settle(): void {
    for (let pass = 0; pass < 2; pass++) this.#cgroups.learn(this.#receiver.cgroupIds(), Number.POSITIVE_INFINITY, 0);
  }

  /** The last counts of cgroups that were removed long enough ago, which no later {@link read} has. */
  retire(): Sample[] {
    const retired = this.#receiver.retire((id) => this.#cgroups.isGone(id), monotonicMs());
    for (const id of this.#banished) {
      if (this.#receiver.isBanished(id)) continue;
      this.#banished.delete(id);
      this.#cgroups.forget(id);
    }
    return this.#lastSamples(retired);
  }

  /**
   * Takes entries back when free ones run short.
   *
   * @param isReadSince whether all readers have read the totals since a time, in ms of CLOCK_MONOTONIC
   * @returns as {@link retire}
   */
  reclaim(isReadSince: (ms: number) => boolean): Sample[] {
    const claims = {
      isGone: (id: bigint) => this.#cgroups.isGone(id),
      isReadSince,
      isShown: (key: string) => this.#shown.has(key),
      sharerOf: (id: bigint) => sharerOf(this.#cgroups.identity(id)),
    };
    return this.#lastSamples(this.#receiver.reclaim(claims, monotonicMs()));
  }

  #lastSamples(retired: readonly CgroupTotals[]): Sample[] {
    const last = retired.map((one) => this.#since(one));
    const samples = this.#samples(last.filter((one) => this.#includes(one)));
    for (const one of last) if (!this.#includes(one)) addOperations(this.#excluded, one);
    for (const { key, cgroupId } of last) {
      this.#before.delete(key);
      this.#shown.delete(key);
      if (cgroupId === null) continue;
      if (this.#receiver.isBanished(cgroupId)) this.#banished.add(cgroupId);
      else this.#cgroups.forget(cgroupId);
    }
    return samples;
  }

  /**
   * Replaces the filter. Earlier counts stay in their series.
   *
   * @returns the last samples of cgroups that are now excluded
   */
  choose(filter: CgroupFilter | null): Sample[] {
    const named = this.#receiver.read().filter((one) => this.#isNamed(one));
    const changed = named.filter((one) => this.#includes(one) !== this.#includes(one, filter));
    const samples: Sample[] = [];
    for (const now of changed) {
      this.#shown.add(now.key);
      const one = this.#since(now);
      if (this.#includes(one)) samples.push(...this.#samples([one]));
      else addOperations(this.#excluded, one);
      this.#before.set(now.key, { ...now, bornNs: monotonicNs() });
    }
    this.#filter = filter;
    return samples;
  }

  #includes({ cgroupId }: CgroupTotals, filter = this.#filter): boolean {
    return filter === null || cgroupId === null || filter(this.#cgroups.identity(cgroupId).cgroup);
  }

  /** A series keeps its first name, so a cgroup whose name is still searched waits; its counts are not lost. */
  #isNamed({ cgroupId }: CgroupTotals): boolean {
    return cgroupId === null || this.#cgroups.knows(cgroupId);
  }

  /** Every cgroup with a name. Those that are left out are added to `excluded`. */
  *#counted(excluded: Record<Op, number> | null): Generator<CgroupTotals> {
    const nameless = new Set<bigint>();
    for (const totals of this.#receiver.each()) {
      if (this.#isNamed(totals)) yield* this.#included(totals, excluded);
      else if (totals.cgroupId !== null) nameless.add(totals.cgroupId);
    }
    this.#cgroups.learn(nameless, WALK_BUDGET);
    for (const id of nameless) if (!this.#cgroups.knows(id)) nameless.delete(id);
    if (nameless.size === 0) return;
    for (const totals of this.#receiver.each()) {
      if (totals.cgroupId !== null && nameless.has(totals.cgroupId)) yield* this.#included(totals, excluded);
    }
  }

  *#included(now: CgroupTotals, excluded: Record<Op, number> | null): Generator<CgroupTotals> {
    const one = this.#since(now);
    this.#shown.add(one.key);
    if (this.#includes(one)) yield one;
    else if (excluded !== null) addOperations(excluded, one); // else it is left out since the reading began
  }

  /** The counts without those that are counted elsewhere. */
  #since(now: CgroupTotals): CgroupTotals {
    const before = this.#before.get(now.key);
    if (before === undefined) return now;
    const operations = { ...now.operations };
    for (const op of OPS) {
      const [totals, earlier] = [now.operations[op], before.operations[op]];
      if (totals !== undefined && earlier !== undefined) operations[op] = combined(totals, earlier, (a, b) => a - b);
    }
    return { ...now, bornNs: before.bornNs, operations };
  }

  #excludedSamples(sums: Record<Op, number>): Sample[] {
    return this.#ops.map((op) => ({
      metric: metrics.excluded,
      member: { key: op, attributes: { op }, startTime: this.#startTime, totals: Float64Array.of(sums[op]) },
    }));
  }

  /** To keep. */
  #samples(totals: Iterable<CgroupTotals>): Sample[] {
    return Array.from(overlayfsSamples(totals, this.#identityOf), ({ metric, member }) => {
      const { key, attributes, startTime, isRedundant } = member;
      return { metric, member: { key, attributes, startTime, isRedundant, totals: Float64Array.from(member.totals) } };
    });
  }

  readonly #identityOf = (id: bigint): Identity => this.#cgroups.identity(id);
}

function addOperations(sums: Record<Op, number>, { operations }: CgroupTotals): void {
  for (const op of OPS) {
    const totals = operations[op];
    if (totals !== undefined) sums[op] += endedOf(totals);
  }
}
