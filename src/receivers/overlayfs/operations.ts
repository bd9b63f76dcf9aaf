/** The measured operations, one a row: the user side of OPERATIONS in bpf/overlayfs.h. */
import type { Attributes } from '@opentelemetry/api';
import type { Metric } from '../../metrics/catalogue.ts';
import { metrics } from './metrics.ts';

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
    latency: metrics.readLatency,
  },
  {
    op: 'write',
    functions: ['ovl_write_iter'],
    isOnSyscalls: true,
    isRequired: true,
    latency: metrics.writeLatency,
  },
] as const satisfies readonly Row[];

export type Op = (typeof ROWS)[number]['op'];
export type Operation = Row & { readonly op: Op };

export const OPERATIONS: readonly Operation[] = ROWS;

export const OPS: readonly Op[] = OPERATIONS.map(({ op }) => op);

/** A value for each operation. */
export function eachOp<T>(get: (op: Op) => T): Record<Op, T> {
  return Object.fromEntries(OPS.map((op) => [op, get(op)])) as Record<Op, T>;
}
