import { type Attribute, type Metric, ownerAttributes } from '../../metrics/catalogue.ts';
import { ERROR_TYPES, eachOp, OPS } from './operations.ts';

const names = new Intl.ListFormat('en', { type: 'disjunction' }).format(OPS.map((op) => `\`${op}\``));
const OP: Attribute = { name: 'op', meaning: names };
const ERROR_TYPE: Attribute = {
  name: 'error_type',
  meaning: `${new Intl.ListFormat('en', { type: 'disjunction' }).format(ERROR_TYPES.map((type) => `\`${type}\``))} error`,
};

/** The histogram of each operation. */
export const latencyOf = eachOp((_, { latency }): Metric => latency);

export const metrics = {
  bytes: {
    name: 'floatie_overlayfs_bytes_total',
    kind: 'counter',
    unit: '',
    description: 'Bytes that operations on overlayfs moved',
    attributes: [OP, ...ownerAttributes],
  },
  errors: {
    name: 'floatie_overlayfs_errors_total',
    kind: 'counter',
    unit: '',
    description: 'Failed operations on overlayfs, which are in no histogram',
    attributes: [OP, ERROR_TYPE, ...ownerAttributes],
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
      'Operations on overlayfs in cgroups that `containers.include`, `containers.exclude` or a `filter` excludes; no other metric counts them',
    attributes: [OP],
  },
} as const satisfies Record<string, Metric>;

/** All of them; operations may share a histogram. */
export const overlayfsMetrics: readonly Metric[] = [...new Set(Object.values(latencyOf)), ...Object.values(metrics)];
