/** What is measured on overlayfs, one row per operation: the other side of OPERATIONS in bpf/overlayfs.h. */
import type { Attributes } from '@opentelemetry/api';
import type { Metric } from '../../metrics/catalogue.ts';
import { metrics } from './metrics.ts';

interface Row {
  /** In the names of the programs (`fentry_read`), and in the attribute `op`. */
  readonly op: string;
  /** The kernel's functions that do it, under the names it has had: the first one that is there is followed. */
  readonly functions: readonly string[];
  /** Are there system calls that tell it? Those are rows of bpf/syscalls.h. */
  readonly isOnSyscalls: boolean;
  /** Is a way to attach of no use without it? All others may be missing on a kernel. */
  readonly isRequired: boolean;
  /** The histogram of its successes. */
  readonly latency: Metric;
  /** What tells it from the other operations of that histogram. */
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
