/** Checks the requirements on the kernel, and explains its errors. */
import { existsSync, readFileSync } from 'node:fs';
import { type Cause, Refusal } from '../program/refusal.ts';
import { AS_ROOT, causeOf, type Failure, lacking, missingCapabilities } from './causes.ts';
import { capabilitiesIn, type Permissions, readPermissions } from './permissions.ts';

export const BTF = '/sys/kernel/btf/vmlinux';

/** Throws {@link Refusal} for problems that are known before anything is loaded. */
export function checkKernel(btfPath = BTF, status = readFileSync('/proc/self/status', 'utf8')): void {
  const permissions = { capabilities: capabilitiesIn(status) };
  const what = 'Cannot load eBPF programs';
  if (missingCapabilities(permissions).length > 0) {
    throw new Refusal(what, { why: lacking(null, permissions), cure: AS_ROOT });
  }
  if (!existsSync(btfPath)) throw new Refusal(what, noBtf(btfPath));
}

export function noBtf(path = BTF): Cause {
  return {
    why: `the kernel does not describe its types in ${path}`,
    cure: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' kernels are; in a container, mount /sys",
  };
}

/**
 * Turns an error with a code into one with cause and cure, where they are known.
 *
 * @param tried the way to attach, and the kernel function to attach to
 */
export function explain(
  error: unknown,
  tried: Pick<Failure, 'method' | 'functionName'> = {},
  permissions: () => Permissions = readPermissions,
): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof TypeError) return error;
  const { code, step, verifierLog } = error as Error & Pick<Failure, 'step' | 'verifierLog'> & { code: unknown };
  const failure = { code: String(code), step, ...tried, ...(verifierLog !== undefined && { verifierLog }) };
  const cause = causeOf(failure, permissions());
  return cause === null ? error : new Refusal(error.message, cause, { cause: error });
}
