/** The overlayfs receiver as a source of metrics. */
import type { Cgroups } from '../../containers/cgroups.ts';
import type { CgroupFilter } from '../../containers/filter.ts';
import { CgroupSource } from '../cgroup-source.ts';
import { type CELLS, endedOf } from './counts.ts';
import { Exemplars } from './exemplars.ts';
import { metrics, overlayfsMetrics } from './metrics.ts';
import { OPS, type Op } from './operations.ts';
import type { OverlayfsReceiver } from './receiver.ts';
import { overlayfsSamples } from './samples.ts';

export class OverlayfsSource extends CgroupSource<Op, (typeof CELLS)[number]> {
  readonly exemplars: Exemplars;

  /**
   * @param filter as in {@link CgroupSource}
   * @param ops the chosen operations
   */
  constructor(
    receiver: OverlayfsReceiver,
    cgroups: Cgroups,
    filter: CgroupFilter | null = null,
    ops: readonly Op[] = OPS,
  ) {
    const exemplars = new Exemplars();
    super(receiver, cgroups, filter, {
      metrics: overlayfsMetrics.filter(({ aboutFloatie }) => aboutFloatie !== true),
      samples: (totals, identityOf) => overlayfsSamples(totals, identityOf, exemplars),
      excluded: { metric: metrics.excluded, ops, ended: endedOf },
    });
    this.exemplars = exemplars;
  }
}
