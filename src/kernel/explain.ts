/** What the kernel must have and allow, and what to do where it does not. */
import { existsSync, readFileSync } from 'node:fs';
import { reasonOf } from '../program/reason.ts';
import { AS_ROOT, type Cause, causeOf, type Failure, lacking, missingCapabilities } from './causes.ts';
import { capabilitiesIn, type Permissions, readPermissions } from './permissions.ts';

/** Floatie cannot do its work on this machine; the message says why, and the cure. */
export class KernelError extends Error {
  override name = 'KernelError';
  readonly why: string;
  readonly cure: string | undefined;

  /** @param what what could not be done */
  constructor(what: string, { why, cure }: Cause, options?: ErrorOptions) {
    super(`${what}: ${withCure({ why, cure })}`, options);
    this.why = why;
    this.cure = cure;
  }
}

export const BTF = '/sys/kernel/btf/vmlinux';

/** Throws {@link KernelError} for what can be known before loading anything. */
export function checkKernel(btfPath = BTF, status = readFileSync('/proc/self/status', 'utf8')): void {
  const permissions = { capabilities: capabilitiesIn(status) };
  const what = 'Cannot load eBPF programs';
  if (missingCapabilities(permissions).length > 0) {
    throw new KernelError(what, { why: lacking(null, permissions), cure: AS_ROOT });
  }
  if (!existsSync(btfPath)) throw new KernelError(what, noBtf(btfPath));
}

export function noBtf(path = BTF): Cause {
  return {
    why: `the kernel does not describe its types in ${path}`,
    cure: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' kernels are; in a container, mount /sys",
  };
}

/**
 * An error with a code as one that says cause and cure, where they are known.
 *
 * @param tried the way to attach, and the function of the kernel that it follows
 */
export function explain(
  error: unknown,
  tried: Pick<Failure, 'method' | 'functionName'> = {},
  permissions: () => Permissions = readPermissions,
): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof TypeError) return error;
  const { message, code, verifierLog } = error as Error & { code: unknown; verifierLog?: string };
  const failure = { message, code: String(code), ...tried, ...(verifierLog !== undefined && { verifierLog }) };
  const cause = causeOf(failure, permissions());
  return cause === null ? error : new KernelError(message, cause, { cause: error });
}

/** Why something is not done, in one line, and the cure. */
export function reasonFor(error: unknown): string {
  if (error instanceof KernelError) return withCure(error);
  return reasonOf(error);
}

function withCure({ why, cure }: { why: string; cure?: string | undefined }): string {
  return cure === undefined ? why : `${why} (${cure})`;
}
