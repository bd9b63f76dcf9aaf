/** This process's permissions by /proc and /sys. Unknown ones are null. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { callsBpf, readDetached } from '../native/index.ts';

/** include/uapi/linux/capability.h: the capabilities that Floatie uses. */
const CAPABILITIES = {
  CAP_DAC_OVERRIDE: 1n,
  CAP_DAC_READ_SEARCH: 2n,
  CAP_NET_BIND_SERVICE: 10n,
  CAP_SYS_PTRACE: 19n,
  CAP_SYS_ADMIN: 21n,
  CAP_SYS_RESOURCE: 24n,
  CAP_SYSLOG: 34n,
  CAP_PERFMON: 38n,
  CAP_BPF: 39n,
} as const;
export type Capability = keyof typeof CAPABILITIES;

export interface Permissions {
  /** Whether this process is root, who may open root's files without any capability. */
  readonly isRoot: boolean;
  /** The effective capabilities. */
  readonly capabilities: ReadonlySet<Capability>;
  /** In a user namespace, capabilities do not apply to the kernel's own objects. */
  readonly inUserNamespace: boolean | null;
  readonly hasSeccompFilter: boolean | null;
  readonly lockdown: 'none' | 'integrity' | 'confidentiality' | null;
  /** The active security modules. */
  readonly securityModules: readonly string[] | null;
  /** kernel.unprivileged_bpf_disabled. */
  readonly unprivilegedBpfDisabled: number | null;
  /** kernel.perf_event_paranoid. */
  readonly perfEventParanoid: number | null;
  /** Infinity: no limit. */
  readonly memlockBytes: number | null;
  /** Before Linux 5.11 the memory of maps and programs counts as locked. */
  readonly memlockCounts: boolean;
  readonly bpfJit: boolean | null;
  /** BTF of the overlay module (Linux 5.11); overlayfs that is built into the kernel has none of its own. */
  readonly overlayHasBtf: boolean;
  /** Whether a seccomp filter lets bpf() through. */
  readonly callsBpf: () => boolean;
}

type Read = (path: string) => string;

export function readPermissions(
  read: Read = readFile,
  kernel = release(),
  calls: () => boolean = callsBpf,
): Permissions {
  const text = (path: string): string | null => {
    try {
      return read(path).trim();
    } catch {
      return null;
    }
  };
  const number = (path: string): number | null => {
    const content = text(path);
    return content === null ? null : Number(content);
  };
  const status = text('/proc/self/status') ?? '';
  const seccomp = /^Seccomp:\s*(\d)$/m.exec(status)?.[1];
  const memlock = /^Max locked memory\s+(\S+)/m.exec(text('/proc/self/limits') ?? '')?.[1];
  const jit = number('/proc/sys/net/core/bpf_jit_enable');
  const ids = text('/proc/self/uid_map');
  const modules = text('/sys/kernel/security/lsm');
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return {
    isRoot: /^Uid:\s*\d+\s+0\s/m.test(status),
    capabilities: capabilitiesIn(status),
    inUserNamespace: ids === null ? null : !/^0\s+0\s+4294967295$/.test(ids),
    hasSeccompFilter: seccomp === undefined ? null : seccomp === '2',
    lockdown: parseLockdown(text('/sys/kernel/security/lockdown'), modules),
    securityModules: modules?.split(',') ?? null,
    unprivilegedBpfDisabled: number('/proc/sys/kernel/unprivileged_bpf_disabled'),
    perfEventParanoid: number('/proc/sys/kernel/perf_event_paranoid'),
    memlockBytes: memlock === undefined ? null : memlock === 'unlimited' ? Number.POSITIVE_INFINITY : Number(memlock),
    memlockCounts: major < 5 || (major === 5 && minor < 11),
    bpfJit: jit === null ? null : jit !== 0,
    overlayHasBtf: text('/sys/kernel/btf/overlay') !== null,
    callsBpf: calls,
  };
}

const SECURITYFS = '/sys/kernel/security/';

/** Tries a detached mount, too: many machines do not mount securityfs. */
function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!path.startsWith(SECURITYFS)) throw error;
    return readDetached('securityfs', path.slice(SECURITYFS.length));
  }
}

/** The effective capabilities in the text of /proc/self/status. */
export function capabilitiesIn(status: string): Set<Capability> {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const all = Object.entries(CAPABILITIES) as [Capability, bigint][];
  return new Set(all.filter(([, bit]) => ((effective >> bit) & 1n) === 1n).map(([name]) => name));
}

/** Parses `none [integrity] confidentiality`. Without the lockdown module there is no lockdown. */
function parseLockdown(text: string | null, modules: string | null): Permissions['lockdown'] {
  const chosen = /\[(none|integrity|confidentiality)\]/.exec(text ?? '')?.[1] as Permissions['lockdown'] | undefined;
  return chosen ?? (modules !== null && !modules.includes('lockdown') ? 'none' : null);
}
