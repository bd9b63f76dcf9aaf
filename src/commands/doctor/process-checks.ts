/** Checks of this process's privileges. */
import { missingCapabilities, PASS_SECCOMP } from '../../kernel/causes.ts';
import type { Capability } from '../../kernel/permissions.ts';
import { type Finding, finding, ok } from '../../program/check.ts';
import { type Examination, lossOf } from './examine.ts';

const OUTSIDE = 'start it outside: a container of root, without --userns; in Kubernetes hostUsers: true';
const MOUNT_SECURITYFS =
  'mount -t securityfs none /sys/kernel/security; in a container: -v /sys/kernel/security:/sys/kernel/security:ro';

/** The use of each capability, and the verdict where it is missing. */
export const CAPABILITIES: Partial<
  Record<
    Capability,
    { readonly use: string; readonly lost: (examination: Examination) => 'fail' | 'warn' | 'unneeded' }
  >
> = {
  CAP_BPF: { use: 'to load programs', lost: essential },
  CAP_PERFMON: { use: 'to attach them', lost: essential },
  CAP_SYS_ADMIN: {
    use: 'for trials of exactness, and for fentry on modules',
    lost: (examination) => lostBy('CAP_SYS_ADMIN', examination),
  },
  CAP_SYS_RESOURCE: {
    use: 'for locked memory, before Linux 5.11',
    lost: (examination) => (memlock(examination).cure === undefined ? 'unneeded' : 'warn'),
  },
  CAP_SYSLOG: {
    use: "for the kernel's log of OOM kills",
    lost: (examination) => lostBy('CAP_SYSLOG', examination),
  },
  CAP_DAC_READ_SEARCH: {
    use: 'to name cgroups that live for a moment',
    lost: ({ needsBpf }) => (needsBpf ? 'warn' : 'unneeded'),
  },
};

export function capability(name: Capability, examination: Examination): Finding {
  const { permissions } = examination;
  const { use, lost } = CAPABILITIES[name] ?? { use: '', lost: () => 'unneeded' };
  if (permissions.capabilities.has(name)) {
    if (permissions.inUserNamespace !== true) return ok(`held: ${use}`);
    const verdict = lost(examination);
    const cure = verdict === 'unneeded' ? undefined : OUTSIDE;
    return finding(verdict, `held in a user namespace, where it does not reach the kernel: ${use}`, cure);
  }
  const verdict = lost(examination);
  if (verdict === 'unneeded') return finding(verdict, `missing: ${use}`);
  const short = name.replace('CAP_', '');
  const cure = `run it as root, with --cap-add ${short} in a container, or AmbientCapabilities=${name} in a unit of systemd`;
  return finding(verdict, `missing: ${use}`, cure);
}

/** Does a receiver lose something without it? */
function lostBy(name: Capability, { checks }: Examination): 'warn' | 'unneeded' {
  return checks.some(({ capabilities = [] }) => capabilities.includes(name)) ? 'warn' : 'unneeded';
}

function essential(examination: Examination): 'fail' | 'warn' | 'unneeded' {
  const { permissions } = examination;
  const isStoodInFor = missingCapabilities(permissions).length === 0 && permissions.inUserNamespace !== true;
  return isStoodInFor ? 'unneeded' : lossOf(examination);
}

export function lockdown(examination: Examination): Finding {
  const { permissions } = examination;
  switch (permissions.lockdown) {
    case null:
      return finding('unknown', 'securityfs cannot be read', MOUNT_SECURITYFS);
    case 'confidentiality':
      return finding(
        lossOf(examination),
        'confidentiality: programs may not read memory of the kernel',
        'boot without lockdown=confidentiality; lockdown=integrity is enough for Secure Boot',
      );
    default:
      return ok(permissions.lockdown === 'none' ? 'none' : 'integrity, which by itself forbids no tracing');
  }
}

export function securityModules({ permissions: { securityModules } }: Examination): Finding {
  if (securityModules === null) return finding('unknown', 'securityfs cannot be read', MOUNT_SECURITYFS);
  return ok(securityModules.join(', '));
}

export function seccomp(examination: Examination): Finding {
  const { permissions } = examination;
  const { hasSeccompFilter, callsBpf } = permissions;
  if (hasSeccompFilter === null) return finding('unknown', '/proc/self/status does not tell');
  if (!hasSeccompFilter) return ok('no filter');
  if (callsBpf()) return ok('a filter, which lets bpf() through');
  if (missingCapabilities(permissions).length > 0)
    return finding('unknown', 'a filter; without capabilities nothing shows what it forbids');
  return finding(lossOf(examination), 'a filter, which forbids bpf()', PASS_SECCOMP);
}

export function unprivilegedBpf({ permissions: { unprivilegedBpfDisabled } }: Examination): Finding {
  if (unprivilegedBpfDisabled === null)
    return finding('unknown', '/proc/sys/kernel/unprivileged_bpf_disabled cannot be read');
  const who =
    unprivilegedBpfDisabled === 0
      ? 'every user may load some programs, but none that trace'
      : 'loading programs needs CAP_BPF';
  return ok(`kernel.unprivileged_bpf_disabled is ${unprivilegedBpfDisabled}: ${who}`);
}

export function memlock(examination: Examination): Finding {
  const { memlockCounts, memlockBytes, capabilities } = examination.permissions;
  if (!memlockCounts) return ok('no limit for BPF: since Linux 5.11 its memory is charged to the cgroup');
  if (memlockBytes === null) return finding('unknown', '/proc/self/limits cannot be read');
  if (memlockBytes === Number.POSITIVE_INFINITY) return ok('no limit');
  if (capabilities.has('CAP_SYS_RESOURCE')) return ok(`${memlockBytes} bytes, which CAP_SYS_RESOURCE may raise`);
  return finding(
    lossOf(examination),
    `${memlockBytes} bytes: before Linux 5.11 all BPF programs and maps count as locked memory`,
    'ulimit -l unlimited; LimitMEMLOCK=infinity in a unit of systemd; --ulimit memlock=-1 or --cap-add SYS_RESOURCE in a container',
  );
}

export function bpfJit({ permissions: { bpfJit } }: Examination): Finding {
  if (bpfJit === null) return finding('unknown', '/proc/sys/net/core/bpf_jit_enable is for root of the host only');
  if (bpfJit) return ok('on');
  return finding('warn', 'off: programs are interpreted, and take longer', 'sysctl -w net.core.bpf_jit_enable=1');
}
