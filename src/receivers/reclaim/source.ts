/** The reclaim receiver as a source of metrics. */
import { attributesOf } from '../../containers/attributes.ts';
import type { Cgroups } from '../../containers/cgroups.ts';
import type { CgroupFilter } from '../../containers/filter.ts';
import type { Identity } from '../../containers/identity.ts';
import { OVERFLOW } from '../../metrics/attributes.ts';
import type { Sample } from '../../metrics/registry.ts';
import { toHrTime, wallMsOf } from '../../program/clock.ts';
import { CgroupSource } from '../cgroup-source.ts';
import { type CgroupTotals, type Counter, endedOf, OPS, type Op, type ReclaimCounts } from './counts.ts';
import { metrics } from './metrics.ts';

export class ReclaimSource extends CgroupSource<Op, Counter> {
  /** @param filter as in {@link CgroupSource} */
  constructor(counts: ReclaimCounts, cgroups: Cgroups, filter: CgroupFilter | null) {
    const excluded = { metric: metrics.excluded, ops: OPS, ended: endedOf };
    super(counts, cgroups, filter, { metrics: Object.values(metrics), samples: reclaimSamples, excluded });
  }
}

function* reclaimSamples(all: Iterable<CgroupTotals>, identityOf: (cgroupId: bigint) => Identity): Generator<Sample> {
  for (const { key, cgroupId, bornNs, operations } of all) {
    const { reclaim } = operations;
    if (reclaim === undefined) continue;
    const attributes = cgroupId === null ? OVERFLOW : attributesOf(identityOf(cgroupId));
    const totals = Float64Array.of(reclaim.sumNs, ...reclaim.buckets);
    yield { metric: metrics.latency, member: { key, attributes, startTime: toHrTime(wallMsOf(bornNs)), totals } };
  }
}
