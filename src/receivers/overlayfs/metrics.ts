import { type Attribute, type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

const OP: Attribute = { name: 'op', meaning: '`read` or `write`' };

export const metrics = {
  readLatency: {
    name: 'floatie_overlayfs_read_latency_us',
    kind: 'histogram',
    unit: 'us',
    perUnit: 1000,
    description: 'Time that reads of files on overlayfs took, in microseconds',
    attributes: ownerAttributes,
  },
  writeLatency: {
    name: 'floatie_overlayfs_write_latency_us',
    kind: 'histogram',
    unit: 'us',
    perUnit: 1000,
    description: 'Time that writes to files on overlayfs took, in microseconds',
    attributes: ownerAttributes,
  },
  errors: {
    name: 'floatie_overlayfs_errors_total',
    kind: 'counter',
    unit: '',
    description: 'Reads and writes on overlayfs that failed; they are in no histogram',
    attributes: [OP, ...ownerAttributes],
  },
  zeros: {
    name: 'floatie_overlayfs_zero_total',
    kind: 'counter',
    unit: '',
    description:
      'Reads and writes on overlayfs that moved no byte, such as a read at the end; they are in no histogram',
    attributes: [OP, ...ownerAttributes],
  },
  async: {
    name: 'floatie_overlayfs_async_total',
    kind: 'counter',
    unit: '',
    description: 'Reads and writes on overlayfs that were submitted to be completed later; they are in no histogram',
    attributes: [OP, ...ownerAttributes],
  },
  excluded: {
    name: 'floatie_overlayfs_excluded_total',
    kind: 'counter',
    unit: '',
    description:
      'Reads and writes on overlayfs in cgroups that `containers.include`, `containers.exclude` or a `filter` leave out; they are in nothing else',
    attributes: [OP],
  },
} as const satisfies Record<string, Metric>;
