/** What the kernel must have and allow, and what to do where it does not. */
import { existsSync, readFileSync } from 'node:fs';
import { LibbpfError } from '../libbpf/index.ts';

/** Floatie cannot do its work on this machine; the message says why, and the cure. */
export class KernelError extends Error {
  override name = 'KernelError';
}

const BTF = '/sys/kernel/btf/vmlinux';

/** include/uapi/linux/capability.h */
const CAPABILITIES = { CAP_SYS_ADMIN: 21n, CAP_PERFMON: 38n, CAP_BPF: 39n } as const;

/** Throws {@link KernelError} for what can be known before loading anything. */
export function checkKernel(btfPath = BTF, status = readFileSync('/proc/self/status', 'utf8')): void {
  const missing = missingCapabilities(status);
  if (missing.length > 0) {
    throw new KernelError(
      `Cannot load eBPF programs: this process lacks ${missing.join(' and ')} (run it as root, or with --cap-add BPF --cap-add PERFMON in a container)`,
    );
  }
  if (!existsSync(btfPath)) {
    throw new KernelError(
      `Cannot load eBPF programs: the kernel does not describe its types in ${btfPath} (use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' kernels are; in a container, mount /sys)`,
    );
  }
}

/**
 * The capabilities that loading needs and `/proc/self/status` does not list as effective:
 * CAP_BPF and CAP_PERFMON, for both of which CAP_SYS_ADMIN stands in.
 */
export function missingCapabilities(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const has = (capability: keyof typeof CAPABILITIES): boolean => ((effective >> CAPABILITIES[capability]) & 1n) === 1n;
  if (has('CAP_SYS_ADMIN')) return [];
  return (['CAP_BPF', 'CAP_PERFMON'] as const).filter((capability) => !has(capability));
}

/** Why the kernel says EPERM to a process that has the capabilities, as far as `/proc/self/status` tells. */
export function refusal(status: string): string {
  const filtered = /^Seccomp:\s*2$/m.test(status);
  return filtered
    ? 'a seccomp filter forbids bpf() (in a container: --cap-add SYS_ADMIN, or --security-opt seccomp=unconfined)'
    : 'the kernel does not allow it (is it locked down, or does a security module forbid bpf()? see /sys/kernel/security/lockdown)';
}

/** An error from libbpf, with the cure where one is known. */
export function explain(error: unknown): unknown {
  if (!(error instanceof LibbpfError)) return error;
  if (error.code === 'ENOLIB') return new KernelError(error.message, { cause: error });
  if (error.code === 'EPERM') {
    return new KernelError(`${error.message}: ${refusal(readFileSync('/proc/self/status', 'utf8'))}`, { cause: error });
  }
  return new KernelError(error.message, { cause: error });
}
