/** Histograms by cgroup as a source of metrics, with the names of cgroups. */
import { attributesOf } from '../containers/attributes.ts';
import type { Cgroups } from '../containers/cgroups.ts';
import type { CgroupFilter } from '../containers/filter.ts';
import type { Identity } from '../containers/identity.ts';
import { sharerOf } from '../containers/place.ts';
import type { Counted } from '../history/feed.ts';
import type { Metric } from '../metrics/catalogue.ts';
import type { Sample, Source } from '../metrics/registry.ts';
import { monotonicMs, monotonicNs, toHrTime, wallMs } from '../program/clock.ts';
import { type CgroupTotals, combined, type Histograms, type Operations, type Totals } from './histograms.ts';

/**
 * How many cgroups a walk for names may visit at a time, without file handles: it takes some ms, so that no scrape has
 * to wait for long.
 */
const WALK_BUDGET = 512;

type Counts<Op extends string, Counter extends string> = Pick<
  Histograms<Op, Counter>,
  'read' | 'each' | 'entries' | 'cgroupIds' | 'retire' | 'reclaim' | 'isBanished'
>;
type Excluded<Op extends string> = Map<Op, number>;

/** What is counted. */
export interface Form<Op extends string, Counter extends string> {
  readonly metrics: readonly Metric[];
  /** Each sample is good until the next one is asked for. */
  samples(totals: Iterable<CgroupTotals<Op, Counter>>, identityOf: (cgroupId: bigint) => Identity): Iterable<Sample>;
  /** Counts, by `op`, the operations of cgroups that the filter excludes. */
  readonly excluded: {
    readonly metric: Metric;
    readonly ops: readonly Op[];
    /** The number of operations in the totals of one. */
    ended(totals: Totals<Counter>): number;
  };
}

export class CgroupSource<Op extends string, Counter extends string> implements Source {
  readonly #receiver: Counts<Op, Counter>;
  readonly #cgroups: Cgroups;
  #filter: CgroupFilter | null;
  readonly #form: Form<Op, Counter>;
  readonly #startTime = toHrTime(wallMs());
  /** Operations of excluded cgroups that are included or removed by now. */
  readonly #excluded: Excluded<Op> = new Map();
  /** By key, the counts of a cgroup when the filter last included or excluded it, which are counted elsewhere. */
  readonly #before = new Map<string, CgroupTotals<Op, Counter>>();

  /** The keys of series that a reader may have seen. */
  readonly #shown = new Set<string>();
  /** Living cgroups whose entries were taken, until they are removed. */
  readonly #banished = new Set<bigint>();

  /** @param filter selects the cgroups that get series; null: all */
  constructor(receiver: Counts<Op, Counter>, cgroups: Cgroups, filter: CgroupFilter | null, form: Form<Op, Counter>) {
    this.#receiver = receiver;
    this.#cgroups = cgroups;
    this.#filter = filter;
    this.#form = form;
  }

  get metrics(): readonly Metric[] {
    return this.#form.metrics;
  }

  /** All counts. Makes system calls only for new cgroups. */
  *read(): Generator<Sample | null> {
    const excluded = this.#filter === null ? null : new Map(this.#excluded);
    const nameless = new Set<bigint>();
    yield* this.#form.samples(this.#named(nameless, excluded), this.#identityOf);
    yield* this.#cgroups.learning(nameless, WALK_BUDGET);
    for (const id of nameless) if (!this.#cgroups.knows(id)) nameless.delete(id);
    if (nameless.size > 0) yield* this.#form.samples(this.#counted(nameless, excluded), this.#identityOf);
    if (excluded !== null) yield* this.#excludedSamples(excluded);
  }

  /** As {@link read}, for the history: only of cgroups with a name and an entry, and none of them becomes a series. */
  *peek(): Generator<Counted> {
    for (const { key, cgroupId, version, totals } of this.#receiver.entries()) {
      if (!this.#cgroups.knows(cgroupId)) continue;
      const identity = this.#identityOf(cgroupId);
      if (this.#filter?.(identity.cgroup) === false) continue;
      const samples = () => this.#form.samples([this.#since(totals())], this.#identityOf);
      yield { key, version, attributes: attributesOf(identity), samples };
    }
  }

  /** Finds the names of new cgroups before they are removed, in steps. */
  learning(): Iterable<unknown> {
    return this.#cgroups.learning(this.#receiver.cgroupIds(), WALK_BUDGET);
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

  #lastSamples(retired: readonly CgroupTotals<Op, Counter>[]): Sample[] {
    const last = retired.map((one) => this.#since(one));
    const samples = this.#samples(last.filter((one) => this.#includes(one)));
    for (const one of last) if (!this.#includes(one)) this.#exclude(this.#excluded, one);
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
      else this.#exclude(this.#excluded, one);
      this.#before.set(now.key, { ...now, bornNs: monotonicNs() });
    }
    this.#filter = filter;
    return samples;
  }

  #includes({ cgroupId }: CgroupTotals<Op, Counter>, filter = this.#filter): boolean {
    return filter === null || cgroupId === null || filter(this.#cgroups.identity(cgroupId).cgroup);
  }

  /**
   * A series keeps its first name, so a cgroup whose name is still searched waits; its counts are not lost. One that was
   * shown has its name, also after another source has ended the use of its id.
   */
  #isNamed({ key, cgroupId }: CgroupTotals<Op, Counter>): boolean {
    return cgroupId === null || this.#shown.has(key) || this.#cgroups.knows(cgroupId);
  }

  /** Every cgroup with a name; the others are added to `nameless`. Those that are left out are added to `excluded`. */
  *#named(nameless: Set<bigint>, excluded: Excluded<Op> | null): Generator<CgroupTotals<Op, Counter>> {
    for (const totals of this.#receiver.each()) {
      if (this.#isNamed(totals)) yield* this.#included(totals, excluded);
      else if (totals.cgroupId !== null) nameless.add(totals.cgroupId);
    }
  }

  *#counted(ids: ReadonlySet<bigint>, excluded: Excluded<Op> | null): Generator<CgroupTotals<Op, Counter>> {
    for (const totals of this.#receiver.each()) {
      if (totals.cgroupId !== null && ids.has(totals.cgroupId)) yield* this.#included(totals, excluded);
    }
  }

  *#included(now: CgroupTotals<Op, Counter>, excluded: Excluded<Op> | null): Generator<CgroupTotals<Op, Counter>> {
    const one = this.#since(now);
    this.#shown.add(one.key);
    if (this.#includes(one)) yield one;
    else if (excluded !== null) this.#exclude(excluded, one); // else it is left out since the reading began
  }

  /** The counts without those that are counted elsewhere. */
  #since(now: CgroupTotals<Op, Counter>): CgroupTotals<Op, Counter> {
    const before = this.#before.get(now.key);
    if (before === undefined) return now;
    const operations: Partial<Record<Op, Totals<Counter>>> = { ...now.operations };
    for (const [op, totals] of operationsOf(now)) {
      const earlier = before.operations[op];
      if (earlier !== undefined) operations[op] = combined(totals, earlier, (a, b) => a - b);
    }
    return { ...now, bornNs: before.bornNs, operations };
  }

  #excludedSamples(sums: Excluded<Op>): Sample[] {
    const { metric, ops } = this.#form.excluded;
    return ops.map((op) => ({
      metric,
      member: { key: op, attributes: { op }, startTime: this.#startTime, totals: Float64Array.of(sums.get(op) ?? 0) },
    }));
  }

  /** To keep. */
  #samples(totals: Iterable<CgroupTotals<Op, Counter>>): Sample[] {
    return Array.from(this.#form.samples(totals, this.#identityOf), ({ metric, member }) => {
      const { key, attributes, startTime, isRedundant } = member;
      return { metric, member: { key, attributes, startTime, isRedundant, totals: Float64Array.from(member.totals) } };
    });
  }

  #exclude(sums: Excluded<Op>, one: CgroupTotals<Op, Counter>): void {
    const { ended } = this.#form.excluded;
    for (const [op, totals] of operationsOf(one)) sums.set(op, (sums.get(op) ?? 0) + ended(totals));
  }

  readonly #identityOf = (id: bigint): Identity => this.#cgroups.identity(id);
}

function operationsOf<Op extends string, Counter extends string>({
  operations,
}: {
  readonly operations: Operations<Op, Counter>;
}): [Op, Totals<Counter>][] {
  return Object.entries(operations) as [Op, Totals<Counter>][];
}
