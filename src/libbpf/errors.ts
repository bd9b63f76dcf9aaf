/** How a failed call into C becomes an error a person can act on. */
import { getSystemErrorName } from 'node:util';

/** A failed call. `code` is the errno's name (`EPERM`, `ENOENT` …), or `ENOLIB` when libbpf itself is missing. */
export class LibbpfError extends Error {
  override name = 'LibbpfError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The kernel's own error numbers that never reach other programs, from include/linux/errno.h. */
const kernelOnly: Record<number, string> = { 524: 'ENOTSUPP' };

/** `1` → `EPERM`. */
export function errnoName(errno: number): string {
  return kernelOnly[errno] ?? (errno > 0 ? getSystemErrorName(-errno) : 'EUNKNOWN');
}

/** Judges an `int` that is 0 or more on success and a negative errno on failure, which is libbpf's convention. */
export function check(result: { value: number }, action: string): number {
  if (result.value >= 0) return result.value;
  const code = errnoName(-result.value);
  throw new LibbpfError(code, `Cannot ${action}: ${code}`);
}

/** Judges a pointer that is NULL, with errno set, on failure. */
export function checkPointer<P>(result: { value: P | null; errno: number }, action: string): P {
  if (result.value !== null) return result.value;
  const code = errnoName(result.errno);
  throw new LibbpfError(code, `Cannot ${action}: ${code}`);
}
