/** The counts of cgroups as samples of metrics. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { attributesOf } from '../../containers/attributes.ts';
import type { Identity } from '../../containers/identity.ts';
import { OVERFLOW } from '../../metrics/attributes.ts';
import type { Metric } from '../../metrics/catalogue.ts';
import type { Exemplar } from '../../metrics/exemplar.ts';
import type { Sample } from '../../metrics/registry.ts';
import type { Member } from '../../metrics/storage.ts';
import { toHrTime, wallMsOf } from '../../program/clock.ts';
import { CAUSES } from './causes.ts';
import { type CELLS, type CgroupTotals, type OperationTotals, READ_SOURCES } from './counts.ts';
import type { Exemplars } from './exemplars.ts';
import { metrics } from './metrics.ts';
import { ERROR_TYPES, eachOp, OPERATIONS } from './operations.ts';

/**
 * Each sample is good until the next one is asked for.
 *
 * @param identityOf the owner of a cgroup id
 * @param exemplars of the histograms
 */
export function* overlayfsSamples(
  totals: Iterable<CgroupTotals>,
  identityOf: (cgroupId: bigint) => Identity,
  exemplars?: Pick<Exemplars, 'of'>,
): Generator<Sample> {
  let counts = new Float64Array(0);
  for (const { key, cgroupId, bornNs, operations } of totals) {
    const owner = cgroupId === null ? OVERFLOW : attributesOf(identityOf(cgroupId));
    const slow = cgroupId === null ? undefined : exemplars?.of(cgroupId);
    for (const { op, latency, attributes: own } of OPERATIONS) {
      const totalsOfOp = operations[op];
      if (totalsOfOp === undefined) continue;
      const { sumNs, buckets } = totalsOfOp;
      if (counts.length !== buckets.length + 1) counts = new Float64Array(buckets.length + 1);
      counts[0] = sumNs;
      let hasAny = false;
      for (let bucket = 0; bucket < buckets.length; bucket++) {
        const count = buckets[bucket] ?? 0;
        counts[bucket + 1] = count;
        if (count > 0) hasAny = true;
      }
      // No series without an operation: most cgroups only read, and many only open files.
      if (hasAny) {
        const memberKey = own === undefined ? key : `${key}.${op}`;
        const member = new CgroupMember(memberKey, withOwn[op](owner), bornNs, counts);
        member.exemplars = slow?.[op];
        yield { metric: latency, member };
      }
      for (const { metric, cell, suffix, attributesOf } of countersOf[op]) {
        const count = totalsOfOp[cell];
        if (count === 0) continue;
        const isRedundant = (cell === 'cpuNs' || cell === 'cache') && neverWaited(totalsOfOp);
        yield {
          metric,
          member: new CgroupMember(`${key}.${suffix}`, attributesOf(owner), bornNs, [count], isRedundant),
        };
      }
    }
  }
}

class CgroupMember implements Member {
  readonly key: string;
  readonly attributes: Attributes;
  readonly totals: ArrayLike<number>;
  readonly isRedundant: boolean;
  exemplars: readonly Exemplar[] | undefined;
  readonly #bornNs: number;

  constructor(key: string, attributes: Attributes, bornNs: number, totals: ArrayLike<number>, isRedundant = false) {
    this.key = key;
    this.attributes = attributes;
    this.totals = totals;
    this.isRedundant = isRedundant;
    this.exemplars = undefined;
    this.#bornNs = bornNs;
  }

  /** Asked for once for each series. */
  get startTime(): HrTime {
    return toHrTime(wallMsOf(this.#bornNs));
  }
}

/** Then the histogram has all of its time on the CPU, and all reads from the page cache. */
function neverWaited(totals: OperationTotals): boolean {
  return totals.fetched === 0 && WAITS.every((cell) => totals[cell] === 0);
}

const WAITS = CAUSES.filter((cause) => cause !== 'cpu').map((cause) => `${cause}Ns` as const);

/** A cell of an operation that is a series once it is not 0. */
interface Counter {
  readonly metric: Metric;
  readonly cell: (typeof CELLS)[number];
  /** The end of the series' key. */
  readonly suffix: string;
  readonly attributesOf: (owner: Attributes) => Attributes;
}

const countersOf = eachOp((op): Counter[] => {
  const counter = (metric: Metric, cell: Counter['cell'], own: Attributes): Counter => ({
    ...{ metric, cell },
    suffix: Object.values(own).toReversed().join('.'),
    attributesOf: merging(own),
  });
  return [
    counter(metrics.bytes, 'bytes', { op }),
    counter(metrics.zeros, 'zeros', { op }),
    counter(metrics.async, 'async', { op }),
    ...ERROR_TYPES.map((type) => counter(metrics.errors, type, { error_type: type, op })),
    ...CAUSES.map((cause) => counter(metrics.wait, `${cause}Ns`, { cause, op })),
    counter(metrics.fetched, 'fetched', { op }),
    ...(op === 'read' ? READ_SOURCES.map((source) => counter(metrics.reads, source, { source })) : []),
  ];
});

const withOwn = eachOp((_, { attributes }) =>
  attributes === undefined ? (owner: Attributes) => owner : merging(attributes),
);

/** Adds attributes to those of an owner: the same object each time. */
function merging(own: Attributes): (owner: Attributes) => Attributes {
  let merged: WeakMap<Attributes, Attributes> | undefined;
  return (owner) => {
    merged ??= new WeakMap();
    const known = merged.get(owner);
    if (known !== undefined) return known;
    const all = { ...own, ...owner };
    merged.set(owner, all);
    return all;
  };
}
