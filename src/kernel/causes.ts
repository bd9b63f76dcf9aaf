/**
 * Causes and cures of errors of the kernel, libbpf and tracefs. The first matching row counts, so rows that check
 * permissions come before rows that only match the error.
 */
import type { Step } from '../native/index.ts';
import type { Cause } from '../program/refusal.ts';
import type { Permissions } from './permissions.ts';

export interface Failure {
  /** An errno's name, or a code of libbpf's own. */
  readonly code: string;
  /** The failed step; undefined for steps without causes of their own. */
  readonly step: Step | 'tracefs' | undefined;
  /** The verifier's log, if there is one. */
  readonly verifierLog?: string;
  /** The way to attach that was tried. */
  readonly method?: string;
  /** The kernel function to attach to. */
  readonly functionName?: string;
}

interface Row {
  readonly code: RegExp;
  readonly steps?: readonly Failure['step'][];
  readonly method?: RegExp;
  readonly log?: RegExp;
  readonly when?: (permissions: Permissions, failure: Failure) => boolean;
  readonly why: string | ((failure: Failure, permissions: Permissions) => string);
  readonly cure?: string;
}

const REFUSED = /^(EPERM|EACCES)$/;
const UNKNOWN_HELPER = /unknown func bpf_|cannot use helper|invalid func unknown/;

const REINSTALL = 'reinstall Floatie; in a checkout: npm run build';
export const AS_ROOT = 'run it as root, or with --cap-add BPF --cap-add PERFMON in a container';
const MOUNT_TRACEFS =
  'mount -t tracefs none /sys/kernel/tracing; in a container: -v /sys/kernel/tracing:/sys/kernel/tracing';
const LESS_LOCKDOWN = 'boot without lockdown=confidentiality; lockdown=integrity allows it';
/** The profile first: the capability is nearly root. */
export const PASS_SECCOMP =
  "in a container: --security-opt seccomp=config/seccomp.json, Floatie's own profile (in Kubernetes: examples/kubernetes/seccomp), or --cap-add SYS_ADMIN";

const isConfidential = ({ lockdown }: Permissions): boolean => lockdown === 'confidentiality';
const isFiltered = ({ hasSeccompFilter, callsBpf }: Permissions): boolean => hasSeccompFilter === true && !callsBpf();

const ROWS: readonly Row[] = [
  // libbpf, and the compiled programs
  {
    code: /^ENOLIB$/,
    why: 'libbpf is not installed',
    cure: 'on Debian and Ubuntu: apt-get install libbpf1; on Fedora: dnf install libbpf; on Alpine use a glibc image',
  },
  {
    code: /^EOLDLIB$/,
    why: 'libbpf is older than 1.0',
    cure: 'install libbpf 1.0 or later: Debian 12, Ubuntu 23.04 and Fedora 38 have it',
  },
  {
    code: /^EBADLIB$/,
    why: 'libbpf is damaged, for another architecture, or lacks a library that it needs',
    cure: 'on Debian and Ubuntu: apt-get install --reinstall libbpf1 libelf1 zlib1g',
  },
  {
    code: /^ENOENT$/,
    steps: ['open'],
    why: 'the compiled program is not there; there are some for x86-64 and arm64',
    cure: REINSTALL,
  },
  { code: REFUSED, steps: ['open'], why: 'this user may not read it', cure: 'chmod a+r it, and a+x its folders' },
  {
    code: /^(LIBBPF_ERRNO__(LIBELF|FORMAT|ENDIAN|INTERNAL)|EINVAL)$/,
    steps: ['open'],
    why: 'it is no BPF program for this architecture, or damaged',
    cure: REINSTALL,
  },
  {
    code: /^E[MN]FILE$/,
    why: 'there are too many open files',
    cure: 'raise the limit: ulimit -n 1024; LimitNOFILE=1024 in a unit of systemd',
  },

  // Missing permissions
  {
    code: REFUSED,
    steps: ['load'],
    when: ({ inUserNamespace }) => inUserNamespace === true,
    why: 'this process is in a user namespace, whose capabilities do not reach the kernel',
    cure: 'start it outside: a container of root, without --userns; in Kubernetes hostUsers: true',
  },
  { code: REFUSED, steps: ['load'], when: (p) => missingCapabilities(p).length > 0, why: lacking, cure: AS_ROOT },
  { code: REFUSED, steps: ['load'], when: isFiltered, why: 'a seccomp filter forbids bpf()', cure: PASS_SECCOMP },
  {
    code: /^ENOSYS$/,
    steps: ['load'],
    when: ({ hasSeccompFilter }) => hasSeccompFilter === true,
    why: 'a seccomp filter hides bpf()',
    cure: PASS_SECCOMP,
  },
  {
    code: /^ENOSYS$/,
    steps: ['load'],
    why: 'the kernel has no bpf()',
    cure: 'use a kernel built with CONFIG_BPF_SYSCALL=y',
  },
  {
    code: /^(EPERM|ENOMEM)$/,
    steps: ['load'],
    when: ({ memlockCounts, memlockBytes, capabilities }) =>
      memlockCounts && Number.isFinite(memlockBytes) && !capabilities.has('CAP_SYS_RESOURCE'),
    why: (_, { memlockBytes }) =>
      `before Linux 5.11 eBPF takes locked memory, of which this process may have ${memlockBytes} bytes`,
    cure: 'ulimit -l unlimited; LimitMEMLOCK=infinity in a unit of systemd; --ulimit memlock=-1 or --cap-add SYS_RESOURCE in a container',
  },
  {
    code: /^(EPERM|EACCES|ENOENT)$/,
    steps: ['tracefs', 'attach'],
    when: isConfidential,
    why: 'the kernel is locked down (confidentiality), and leaves tracefs empty',
    cure: LESS_LOCKDOWN,
  },
  {
    code: /^(EINVAL|EACCES|EPERM)$/,
    steps: ['load'],
    log: UNKNOWN_HELPER,
    when: isConfidential,
    why: 'the kernel is locked down (confidentiality), and lets no program read its memory',
    cure: LESS_LOCKDOWN,
  },
  {
    code: REFUSED,
    steps: ['tracefs'],
    when: ({ isRoot, capabilities }) => !isRoot && !capabilities.has('CAP_DAC_OVERRIDE'),
    why: 'tracefs belongs to root',
    cure: 'run it as root, or with CAP_DAC_OVERRIDE',
  },
  {
    code: /^EACCES$/,
    steps: ['attach'],
    method: /syscall_classic|kprobe/,
    when: ({ isRoot, capabilities }) =>
      !isRoot && !capabilities.has('CAP_DAC_OVERRIDE') && !capabilities.has('CAP_DAC_READ_SEARCH'),
    why: 'tracefs, which names the tracepoint, belongs to root',
    cure: 'run it as root, or with CAP_DAC_READ_SEARCH',
  },
  {
    code: /^EACCES$/,
    steps: ['attach'],
    method: /syscall_classic|kprobe/,
    when: ({ perfEventParanoid, capabilities }) => (perfEventParanoid ?? 0) > 2 && !capabilities.has('CAP_SYS_ADMIN'),
    why: (_, { perfEventParanoid }) =>
      `kernel.perf_event_paranoid is ${perfEventParanoid}, at which this kernel wants CAP_SYS_ADMIN for every event`,
    cure: 'sysctl kernel.perf_event_paranoid=2; or run it with CAP_SYS_ADMIN',
  },
  {
    code: REFUSED,
    steps: ['attach'],
    when: ({ hasSeccompFilter }) => hasSeccompFilter === true,
    why: 'the seccomp filter seems to forbid perf_event_open()',
    cure: PASS_SECCOMP,
  },
  {
    code: /^EACCES$/,
    steps: ['load'],
    log: /^$/,
    when: ({ securityModules }) => securityModules?.includes('selinux') === true,
    why: 'SELinux forbids it',
    cure: 'allow { map_create map_read map_write prog_load prog_run } of class bpf (ausearch -m avc shows it); in a container: --security-opt label=disable',
  },

  // fentry
  {
    code: /^(EPERM|ESRCH|ENOENT)$/,
    method: /fentry/,
    when: ({ capabilities, overlayHasBtf }, { functionName = '' }) =>
      functionName.startsWith('ovl_') && overlayHasBtf && !capabilities.has('CAP_SYS_ADMIN'),
    why: 'the BTF of modules, overlay among them, is shown to CAP_SYS_ADMIN only',
    cure: 'run it as root, or with --cap-add SYS_ADMIN in a container',
  },
  {
    code: /^EPERM$/,
    method: /fentry/,
    why: (_, p) => `this kernel does not allow fentry programs; ${lockdownIn(p)}`,
  },
  {
    code: /^(ESRCH|ENOENT)$/,
    method: /fentry/,
    why: ({ functionName }) =>
      `"${functionName}" is not in the kernel's BTF: its module is not loaded, or has none, as before Linux 5.11`,
    cure: 'load the module, on a kernel with CONFIG_DEBUG_INFO_BTF_MODULES=y',
  },
  { code: /^E(OP)?NOTSUPP?$/, method: /fentry/, why: 'this kernel has no fentry on this architecture' },
  {
    code: /^EBUSY$/,
    method: /fentry/,
    why: ({ functionName }) => `another tracer or a live patch holds "${functionName}"`,
    cure: 'cat /sys/kernel/tracing/enabled_functions shows it',
  },
  {
    code: /^E2BIG$/,
    steps: ['attach'],
    why: ({ functionName }) => `too many programs are attached to "${functionName}" already: the kernel takes about 40`,
    cure: 'bpftool link shows whose they are',
  },

  // kprobes and tracepoints
  {
    code: /^ENOENT$/,
    steps: ['tracefs'],
    method: /kprobe/,
    why: ({ functionName }) => `the kernel has no function "${functionName}"`,
    cure: 'load the module that has it',
  },
  {
    code: /^EINVAL$/,
    steps: ['tracefs'],
    method: /kprobe/,
    why: ({ functionName }) => `the kernel has no function "${functionName}", or several of that name`,
    cure: 'load the module that has it',
  },
  { code: /^ENOENT$/, steps: ['tracefs'], why: 'tracefs is not mounted', cure: MOUNT_TRACEFS },
  {
    code: /^ENOENT$/,
    steps: ['attach'],
    why: 'tracefs, which names the tracepoint, is not mounted',
    cure: MOUNT_TRACEFS,
  },
  {
    code: /^EROFS$/,
    steps: ['tracefs'],
    why: 'tracefs is mounted read-only',
    cure: 'mount -o remount,rw /sys/kernel/tracing; in a container: -v /sys/kernel/tracing:/sys/kernel/tracing',
  },
  {
    code: /^EBUSY$/,
    steps: ['tracefs'],
    why: 'another tracer holds the event',
    cure: 'cat /sys/kernel/tracing/kprobe_events shows it',
  },
  {
    code: /^(E(OP)?NOTSUPP?|ENODEV)$/,
    steps: ['attach', 'tracefs'],
    why: 'the kernel has no kprobes (CONFIG_KPROBE_EVENTS)',
  },

  // The verifier, and memory
  {
    code: /^EINVAL$/,
    steps: ['load'],
    log: /CO-RE relocation|func unknown#195896080/,
    why: 'a type of this kernel is not what Floatie knows',
    cure: 'report it, with the kernel and its version',
  },
  {
    code: /^(EINVAL|EACCES)$/,
    steps: ['load'],
    log: UNKNOWN_HELPER,
    why: ({ verifierLog = '' }) =>
      `the kernel lacks ${/(?:func|helper) (bpf_\w+)/.exec(verifierLog)?.[1] ?? 'a helper'}: it is older than Linux 5.8, or built without CONFIG_BPF_EVENTS`,
    cure: 'use Linux 5.8 or later',
  },
  {
    code: /^(E2BIG|ENOSPC)$/,
    steps: ['load'],
    log: /too large|too many|complex/,
    why: 'the program is too complex for the verifier of this kernel',
    cure: 'report it, with the kernel and its version',
  },
  {
    code: /^(E2BIG|ENOMEM)$/,
    steps: ['load', 'map'],
    why: 'there is not enough memory for the maps',
    cure: 'lower kernel.max_map_entries, receivers.oom.ring_bytes or the number of bounds; in a container raise its memory limit',
  },
  {
    code: /^EAGAIN$/,
    steps: ['load'],
    why: 'signals interrupted the verifier',
    cure: 'start it again',
  },
  {
    code: /^EINVAL$/,
    steps: ['load'],
    log: /^$/,
    why: 'the kernel does not know the maps or the programs: it is older than Linux 5.8',
    cure: 'use Linux 5.8 or later',
  },
  {
    code: /^(EINVAL|EACCES)$/,
    steps: ['load'],
    why: 'the verifier of this kernel does not accept the program',
    cure: 'report it, with the kernel and its version',
  },

  // Refused without a known reason
  {
    code: REFUSED,
    steps: ['load', 'attach', 'map', 'tracefs'],
    why: (_, p) => `the kernel or a security module does not allow it${circumstances(p)}`,
    cure: 'ask who runs this machine',
  },
];

/** Cause and cure of a failure, or null where neither is known. */
export function causeOf(failure: Failure, permissions: Permissions): Cause | null {
  const { code, step, method = '', verifierLog = '' } = failure;
  const row = ROWS.find(
    (row) =>
      row.code.test(code) &&
      (row.steps?.includes(step) ?? true) &&
      (row.method?.test(method) ?? true) &&
      (row.log?.test(verifierLog) ?? true) &&
      (row.when?.(permissions, failure) ?? true),
  );
  if (row === undefined) return null;
  const why = typeof row.why === 'string' ? row.why : row.why(failure, permissions);
  return { why, cure: row.cure };
}

/** The missing ones of CAP_BPF and CAP_PERFMON, which loading needs. CAP_SYS_ADMIN implies both. */
export function missingCapabilities({ capabilities }: Pick<Permissions, 'capabilities'>): string[] {
  if (capabilities.has('CAP_SYS_ADMIN')) return [];
  return (['CAP_BPF', 'CAP_PERFMON'] as const).filter((name) => !capabilities.has(name));
}

export function lacking(_: unknown, permissions: Pick<Permissions, 'capabilities'>): string {
  return `this process lacks ${missingCapabilities(permissions).join(' and ')}`;
}

/** Security settings that may have caused a refusal. */
function circumstances(permissions: Permissions): string {
  const { securityModules } = permissions;
  const known = [
    lockdownIn(permissions),
    ...(securityModules === null ? [] : [`security modules: ${securityModules.join(', ')}`]),
  ];
  return `; ${known.join('; ')}`;
}

function lockdownIn({ lockdown }: Permissions): string {
  return `lockdown: ${lockdown ?? 'unknown'}`;
}
