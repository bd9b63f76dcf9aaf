import { type Attribute, type Metric, ownerAttributes } from '../../metrics/catalogue.ts';
import { eachOp, OPS } from './operations.ts';

const names = new Intl.ListFormat('en', { type: 'disjunction' }).format(OPS.map((op) => `\`${op}\``));
const OP: Attribute = { name: 'op', meaning: names };

/** The histogram of each operation. */
export const latencyOf = eachOp((_, { latency }): Metric => latency);

export const metrics = {
  errors: {
    name: 'floatie_overlayfs_errors_total',
    kind: 'counter',
    unit: '',
    description: 'Failed reads and writes on overlayfs, which are in no histogram',
    attributes: [OP, ...ownerAttributes],
  },
  zeros: {
    name: 'floatie_overlayfs_zero_total',
    kind: 'counter',
    unit: '',
    description:
      'Reads and writes on overlayfs that moved no byte, such as a read at the end of a file; they are in no histogram',
    attributes: [OP, ...ownerAttributes],
  },
  async: {
    name: 'floatie_overlayfs_async_total',
    kind: 'counter',
    unit: '',
    description: 'Asynchronous reads and writes on overlayfs, whose completion is not seen; they are in no histogram',
    attributes: [OP, ...ownerAttributes],
  },
  excluded: {
    name: 'floatie_overlayfs_excluded_total',
    kind: 'counter',
    unit: '',
    description:
      'Reads and writes on overlayfs in cgroups that `containers.include`, `containers.exclude` or a `filter` excludes; no other metric counts them',
    attributes: [OP],
  },
} as const satisfies Record<string, Metric>;

/** All of them; operations may share a histogram. */
export const overlayfsMetrics: readonly Metric[] = [...new Set(Object.values(latencyOf)), ...Object.values(metrics)];
