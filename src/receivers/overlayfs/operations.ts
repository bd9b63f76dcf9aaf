/** The measured operations, one a row: the user side of OPERATIONS in bpf/overlayfs.h. */
import type { Attributes } from '@opentelemetry/api';
import { type Attribute, type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

interface Row {
  /** The attribute `op`. */
  readonly op: string;
  /** The kernel functions that do it, as in FUNCTIONS of bpf/overlayfs.h: every one that exists is attached. */
  readonly functions: readonly string[];
  /** Sets of further functions: the first one that exists whole is attached, and the operation needs one. */
  readonly oneOf?: readonly (readonly string[])[];
  /** Whether system calls show the operation. They are rows of bpf/syscalls.h. */
  readonly isOnSyscalls: boolean;
  /** Whether a way to attach is useless without this operation. Other operations may be missing on a kernel. */
  readonly isRequired: boolean;
  /** The histogram of successful operations. */
  readonly latency: Metric;
  /** The attributes that tell the operation from others in the same histogram. */
  readonly attributes?: Attributes;
}

const DATA = 'without those that failed, moved no byte or were asynchronous';
const READ = latencyMetric('read', `reads of files on overlayfs, in microseconds; ${DATA}`);
const WRITE = latencyMetric('write', `writes to files on overlayfs, in microseconds; ${DATA}`);
const TRANSFER = latencyMetric(
  'transfer',
  'splices and copies within the kernel, of files on overlayfs, in microseconds; without those that failed or moved no byte',
  [{ name: 'op', meaning: '`splice` (also `sendfile`) or `copy_range`' }],
);
const SYNC = latencyMetric(
  'sync',
  'fsync, fdatasync and syncfs on overlayfs, in microseconds; without those that failed',
);
const OPEN = latencyMetric(
  'open',
  'opens of files and directories on overlayfs, in microseconds; without those that failed',
);
const METADATA = latencyMetric(
  'metadata',
  'operations on names and attributes on overlayfs, in microseconds; without those that failed',
  [
    {
      name: 'op',
      meaning: '`stat`, `lookup`, `readdir`, `create`, `remove`, `rename`, `setattr`, `allocate` or `flush`',
    },
  ],
);
const COPY_UP = latencyMetric(
  'copy_up',
  'copies of files from a lower layer to the upper one, in microseconds; a part of the operation that caused the copy, never to be added to it',
  [
    { name: 'op', meaning: 'what caused the copy: `open`, `setattr`, `rename`, `link`, `xattr` or `other`' },
    {
      name: 'inferred',
      meaning: '`true` where the copy is inferred from an open, which then is the duration; else not there',
    },
  ],
);

/** Since Linux 6.1, and before: the copy-up, what makes the upper inode, and what copies data. */
const COPY_UP_FUNCTIONS = [
  ['ovl_copy_up_one', 'ovl_copy_up_metadata', 'ovl_copy_up_file'],
  ['ovl_copy_up_one', 'ovl_copy_up_inode', 'ovl_copy_up_data'],
] as const;

/** In the order of their cells. */
const ROWS = [
  { op: 'read', functions: ['ovl_read_iter'], isOnSyscalls: true, isRequired: true, latency: READ },
  { op: 'write', functions: ['ovl_write_iter'], isOnSyscalls: true, isRequired: true, latency: WRITE },
  transfer('splice', 'ovl_splice_read', 'ovl_splice_write'),
  transfer('copy_range', 'ovl_copy_file_range', 'ovl_remap_file_range'),
  {
    op: 'sync',
    functions: ['ovl_fsync', 'ovl_dir_fsync', 'ovl_sync_fs'],
    isOnSyscalls: true,
    isRequired: false,
    latency: SYNC,
  },
  {
    op: 'open',
    functions: ['ovl_open', 'ovl_dir_open'],
    isOnSyscalls: true,
    isRequired: false,
    latency: OPEN,
  },
  metadata('stat', 'ovl_getattr'),
  metadata('lookup', 'ovl_lookup'),
  metadata('readdir', 'ovl_iterate'),
  metadata('create', 'ovl_create', 'ovl_mkdir', 'ovl_mknod', 'ovl_symlink', 'ovl_link', 'ovl_tmpfile'),
  metadata('remove', 'ovl_unlink', 'ovl_rmdir'),
  metadata('rename', 'ovl_rename'),
  metadata('setattr', 'ovl_setattr'),
  metadata('allocate', 'ovl_fallocate'),
  metadata('flush', 'ovl_flush'),
  copyUp('open'),
  copyUp('setattr'),
  copyUp('rename'),
  copyUp('link'),
  copyUp('xattr', 'ovl_xattr_set', 'ovl_set_acl'),
  copyUp('other'),
  {
    op: 'copy_up_inferred',
    functions: [],
    isOnSyscalls: true,
    isRequired: false,
    latency: COPY_UP,
    attributes: { op: 'open', inferred: 'true' },
  },
] as const satisfies readonly Row[];

export type Op = (typeof ROWS)[number]['op'];
export type Operation = Row & { readonly op: Op };

export const OPERATIONS: readonly Operation[] = ROWS;

export const OPS: readonly Op[] = OPERATIONS.map(({ op }) => op);

/** The errors that are counted by type: `ERRORS` of bpf/overlayfs.h, in its order, and all others. */
export const ERROR_TYPES = [
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'EACCES',
  'EPERM',
  'EAGAIN',
  'EINTR',
  'ESTALE',
  'other',
] as const;
export type ErrorType = (typeof ERROR_TYPES)[number];

function transfer<Name extends string>(op: Name, ...functions: string[]) {
  return { op, functions, isOnSyscalls: true, isRequired: false, latency: TRANSFER, attributes: { op } };
}

function metadata<Name extends string>(op: Name, ...functions: string[]) {
  const isOnSyscalls = op !== 'lookup' && op !== 'flush';
  return { op, functions, isOnSyscalls, isRequired: false, latency: METADATA, attributes: { op } };
}

/**
 * @param cause what caused the copy
 * @param functions what else tells this cause; most are told by the operation that is pending
 */
function copyUp<Name extends string>(cause: Name, ...functions: string[]) {
  const op = `copy_up_${cause}` as const;
  return {
    op,
    functions,
    oneOf: COPY_UP_FUNCTIONS,
    isOnSyscalls: false,
    isRequired: false,
    latency: COPY_UP,
    attributes: { op: cause },
  };
}

function latencyMetric(name: string, what: string, attributes: readonly Attribute[] = []) {
  return {
    name: `floatie_overlayfs_${name}_latency_us`,
    kind: 'histogram',
    unit: 'us',
    perUnit: 1000,
    description: `Duration of ${what}`,
    attributes: [...attributes, ...ownerAttributes],
  } as const satisfies Metric;
}

/** A value for each operation. */
export function eachOp<T>(get: (op: Op, operation: Operation) => T): Record<Op, T> {
  return Object.fromEntries(OPERATIONS.map((operation) => [operation.op, get(operation.op, operation)])) as Record<
    Op,
    T
  >;
}
