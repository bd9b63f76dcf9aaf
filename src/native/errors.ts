/** Errors of calls into C. */
import { getSystemErrorName } from 'node:util';

/** The step of a failed call, where its cause depends on that. */
export type Step = 'open' | 'load' | 'attach' | 'map';

/**
 * A failed call. `code` is the errno's name (`EPERM`, `ENOENT` …), or `ENOLIB`, `EOLDLIB` or `EBADLIB` when libbpf itself is
 * missing, too old or damaged.
 */
export class LibbpfError extends Error {
  override name = 'LibbpfError';
  readonly code: string;
  readonly step: Step | undefined;

  constructor(
    code: string,
    message: string,
    { step, ...options }: ErrorOptions & { readonly step?: Step | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    this.step = step;
  }
}

/** Errnos without a name in Node: some of C, the kernel's own (include/linux/errno.h), libbpf's (libbpf_legacy.h). */
const uncommon: Record<number, string> = {
  116: 'ESTALE',
  122: 'EDQUOT',
  524: 'ENOTSUPP',
  4000: 'LIBBPF_ERRNO__LIBELF',
  4001: 'LIBBPF_ERRNO__FORMAT',
  4002: 'LIBBPF_ERRNO__KVERSION',
  4003: 'LIBBPF_ERRNO__ENDIAN',
  4004: 'LIBBPF_ERRNO__INTERNAL',
  4005: 'LIBBPF_ERRNO__RELOC',
  4006: 'LIBBPF_ERRNO__LOAD',
  4007: 'LIBBPF_ERRNO__VERIFY',
  4008: 'LIBBPF_ERRNO__PROG2BIG',
  4009: 'LIBBPF_ERRNO__KVER',
  4010: 'LIBBPF_ERRNO__PROGTYPE',
  4011: 'LIBBPF_ERRNO__WRNGPID',
  4012: 'LIBBPF_ERRNO__INVSEQ',
  4013: 'LIBBPF_ERRNO__NLPARSE',
};

/** `1` → `EPERM`. */
export function errnoName(errno: number): string {
  return uncommon[errno] ?? (errno > 0 ? getSystemErrorName(-errno) : 'EUNKNOWN');
}

/** Checks an `int` by libbpf's convention: 0 or more on success, a negative errno on failure. */
export function check(result: { value: number }, action: string, step?: Step): number {
  if (result.value >= 0) return result.value;
  const code = errnoName(-result.value);
  throw new LibbpfError(code, `Cannot ${action}: ${code}`, { step });
}

/** Checks the result of a function of the C library, which is -1 with errno set on failure. */
export function checkErrno(result: { value: number; errno: number }, action: string): number {
  if (result.value >= 0) return result.value;
  const code = errnoName(result.errno);
  throw new LibbpfError(code, `Cannot ${action}: ${code}`);
}

/** Checks a pointer, which is NULL with errno set on failure. */
export function checkPointer<P>(result: { value: P | null; errno: number }, action: string, step?: Step): P {
  if (result.value !== null) return result.value;
  const code = errnoName(result.errno);
  throw new LibbpfError(code, `Cannot ${action}: ${code}`, { step });
}
