import { type Attribute, type Metric, ownerAttributes } from '../../metrics/catalogue.ts';
import { CAUSES, MEANINGS } from './causes.ts';
import { ERROR_TYPES, eachOp } from './operations.ts';

const OP: Attribute = {
  name: 'op',
  meaning: 'the operation, such as `read`, `sync` or `copy_up_open`; see "What is counted on overlayfs"',
};

const CAUSE: Attribute = {
  name: 'cause',
  meaning: CAUSES.map((cause) => `\`${cause}\` (${MEANINGS[cause]})`).join(', '),
};

const NS_PER_S = 1e9;

/** The histogram of each operation. */
export const latencyOf = eachOp((_, { latency }): Metric => latency);

export const metrics = {
  bytes: {
    name: 'floatie_overlayfs_bytes_total',
    kind: 'counter',
    unit: 'By',
    description: 'Bytes that reads, writes, transfers and copy-ups on overlayfs moved',
    attributes: [OP, ...ownerAttributes],
  },
  errors: {
    name: 'floatie_overlayfs_errors_total',
    kind: 'counter',
    unit: '',
    description: 'Failed operations on overlayfs, which are in no histogram',
    attributes: [
      OP,
      { name: 'error_type', meaning: `the kernel's name of the error: ${ERROR_TYPES.join(', ')}` },
      ...ownerAttributes,
    ],
  },
  wait: {
    name: 'floatie_overlayfs_wait_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: NS_PER_S,
    description:
      'Where the time of operations on overlayfs went, in seconds; over all causes it is the sum of the histogram; none of operations that never waited',
    attributes: [CAUSE, OP, ...ownerAttributes],
  },
  fetched: {
    name: 'floatie_overlayfs_device_read_bytes_total',
    kind: 'counter',
    unit: 'By',
    description:
      'Bytes that operations on overlayfs read from a device, with what they read ahead: what the page cache did not have',
    attributes: [OP, ...ownerAttributes],
  },
  reads: {
    name: 'floatie_overlayfs_reads_total',
    kind: 'counter',
    unit: '',
    description:
      'Reads on overlayfs by where their data came from; a read that slept and fetched nothing itself is in none while it is not known what it slept for',
    attributes: [
      {
        name: 'source',
        meaning:
          '`cache` (it fetched nothing and did not sleep), `readahead` (it fetched bytes and did not wait for them) or `device` (it waited for a device)',
      },
      ...ownerAttributes,
    ],
  },
  causeMeasured: {
    name: 'floatie_overlayfs_cause_measured',
    kind: 'gauge',
    unit: '',
    description: '1 for a cause that is told apart here, 0 for one whose time is in `other`',
    attributes: [CAUSE],
    aboutFloatie: true,
  },
  zeros: {
    name: 'floatie_overlayfs_zero_total',
    kind: 'counter',
    unit: '',
    description:
      'Operations on overlayfs without an effect that are no errors: reads, writes and transfers that moved no byte, such as a read at the end of a file, and answers that something is not there, or there already; they are in no histogram',
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
  slowLeftOut: {
    name: 'floatie_overlayfs_slow_left_out_total',
    kind: 'counter',
    unit: '',
    description:
      'Slow operations on overlayfs without a record, since their cgroup had more than ten a second; histograms have them',
    attributes: [],
    aboutFloatie: true,
  },
  measured: {
    name: 'floatie_overlayfs_measured',
    kind: 'gauge',
    unit: '',
    description: '1 for an operation that is measured here, 0 for one that is not; /readyz has the reasons',
    attributes: [
      { name: 'op', meaning: 'that of the other metrics, or `fault`: reading and writing mapped files, always 0' },
      { name: 'method', meaning: 'the way to attach; `none` while nothing is attached' },
    ],
    aboutFloatie: true,
  },
} as const satisfies Record<string, Metric>;

/** All of them; operations may share a histogram. */
export const overlayfsMetrics: readonly Metric[] = [...new Set(Object.values(latencyOf)), ...Object.values(metrics)];
