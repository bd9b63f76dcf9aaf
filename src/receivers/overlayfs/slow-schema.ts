/** The fields of records of slow operations, for the log, `/slow`, OTLP and the table in docs/records.md. */
import { containerFields } from '../../records/owner.ts';
import type { Field, Fields, RecordSchema, TypedRecord } from '../../records/schema.ts';
import { CAUSES, type Cause, MEANINGS } from './causes.ts';
import { OPS } from './operations.ts';

const LOCKED_DOWN = 'the kernel is locked down';

type PartName = `${Cause}_us`;

const PART_FIELDS = Object.fromEntries(
  CAUSES.map((cause) => {
    const absent = 'nothing of it went there, or this kernel does not tell it apart from `other`';
    const field = { type: 'number', unit: 'µs', meaning: `the part of it in which ${MEANINGS[cause]}`, absent };
    return [`${cause}_us`, field];
  }),
) as { readonly [Name in PartName]: Field & { readonly type: 'number'; readonly absent: string } };

const FIELDS = {
  time: { type: 'string', meaning: 'time at which the operation ended, as RFC 3339 has it, in UTC' },
  op: { type: OPS, meaning: 'the operation, as in the metrics' },
  duration_us: { type: 'number', unit: 'µs', meaning: 'how long it took, which the parts below add up to' },
  ...PART_FIELDS,
  device_read_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'how many bytes the thread read from a device meanwhile, with what it read ahead',
    absent: 'it read none',
  },
  error: { type: 'string', meaning: "the kernel's name of the error, such as `EIO`", absent: 'it succeeded' },
  bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'how many bytes it moved',
    absent: 'it failed, or operations of this kind move none',
  },
  offset_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'where in the file it began',
    absent:
      'it is neither a read nor a write, or a 32-bit program or `preadv2` did it; before Linux 5.15 also of `pread` and `pwrite` on system calls',
  },
  path: {
    type: 'string',
    isPrivate: true,
    meaning:
      "the file or directory, from the overlay's root, which is that of its container. Control characters and bytes that are no UTF-8 are `�`. More than 64 names or 4,096 bytes are cut to the lower part: `/…/NAME`. Of an operation on two files it is the first one on overlayfs; of a rename the old name",
    absent: `\`slow_paths\` is \`off\`, it has no file (\`syncfs\` on functions), or ${LOCKED_DOWN}; before Linux 5.15 also of operations on names on system calls`,
  },
  deleted: {
    type: 'boolean',
    isPrivate: true,
    meaning: 'whether it had no name any more; the path is the last one',
    absent: 'there is no `path`',
  },
  copied_up_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'how many bytes it copied up from a lower layer before it began; 0 for attributes alone',
    absent: 'nothing was copied up, or nothing tells it: on system calls only opens do',
  },
  comm: { type: 'string', meaning: 'name of the thread' },
  process: { type: 'string', meaning: 'name of the process', absent: LOCKED_DOWN },
  pid: { type: 'number', isPrivate: true, meaning: 'number of the thread' },
  tgid: { type: 'number', isPrivate: true, meaning: 'number of the process' },
  ns_pid: { type: 'number', isPrivate: true, meaning: 'number of the process in its container', absent: LOCKED_DOWN },
  uid: { type: 'number', isPrivate: true, meaning: 'user of the process' },
  cgroup: { type: 'string', meaning: 'cgroup of the process when the operation began' },
  ...containerFields('', 'container and pod of that cgroup'),
} as const satisfies Fields;

export type SlowRecord = TypedRecord<typeof FIELDS>;

export const SLOW_OPERATION: RecordSchema<typeof FIELDS> = {
  title: 'Slow operation',
  eventName: 'floatie.overlayfs.slow',
  path: '/slow',
  fields: FIELDS,
  summaryOf({ op, path, duration_us, comm, tgid }) {
    return `${op}${path === undefined ? '' : ` of ${path}`} by ${comm} (${tgid}) took ${Math.round(duration_us / 1000)} ms`;
  },
};
