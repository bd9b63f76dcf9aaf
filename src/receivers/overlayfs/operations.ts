/** The measured operations, one a row: the user side of OPERATIONS in bpf/overlayfs.h. */
import type { Attributes } from '@opentelemetry/api';
import { type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

interface Row {
  /** The name in BPF programs (`fentry_read`) and in the attribute `op`. */
  readonly op: string;
  /** The kernel function by all its names over time: the first existing one is attached. */
  readonly functions: readonly string[];
  /** Whether system calls show the operation. They are rows of bpf/syscalls.h. */
  readonly isOnSyscalls: boolean;
  /** Whether a way to attach is useless without this operation. Other operations may be missing on a kernel. */
  readonly isRequired: boolean;
  /** The histogram of successful operations. */
  readonly latency: Metric;
  /** The attributes that tell the operation from others in the same histogram. */
  readonly attributes?: Attributes;
}

/** In the order of their cells. */
const ROWS = [
  {
    op: 'read',
    functions: ['ovl_read_iter'],
    isOnSyscalls: true,
    isRequired: true,
    latency: latencyMetric('read', 'reads of files on overlayfs'),
  },
  {
    op: 'write',
    functions: ['ovl_write_iter'],
    isOnSyscalls: true,
    isRequired: true,
    latency: latencyMetric('write', 'writes to files on overlayfs'),
  },
] as const satisfies readonly Row[];

export type Op = (typeof ROWS)[number]['op'];
export type Operation = Row & { readonly op: Op };

export const OPERATIONS: readonly Operation[] = ROWS;

export const OPS: readonly Op[] = OPERATIONS.map(({ op }) => op);

function latencyMetric(name: string, what: string) {
  return {
    name: `floatie_overlayfs_${name}_latency_us`,
    kind: 'histogram',
    unit: 'us',
    perUnit: 1000,
    description: `Duration of ${what}, in microseconds; without those that failed, moved no byte or were asynchronous`,
    attributes: ownerAttributes,
  } as const satisfies Metric;
}

/** A value for each operation. */
export function eachOp<T>(get: (op: Op, operation: Operation) => T): Record<Op, T> {
  return Object.fromEntries(OPERATIONS.map((operation) => [operation.op, get(operation.op, operation)])) as Record<
    Op,
    T
  >;
}
