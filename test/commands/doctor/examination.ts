/** An examination of a machine where all is well, but for what is given. */
import { type Examination, needsBpf } from '../../../src/commands/doctor/examine.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { capabilitiesIn, type Permissions } from '../../../src/kernel/permissions.ts';

interface Given extends Partial<Omit<Examination, 'permissions' | 'config'>> {
  readonly set?: readonly string[];
  readonly effective?: string;
  readonly permissions?: Partial<Permissions>;
}

export function examination({
  set = [],
  effective = '000001ffffffffff',
  permissions,
  ...rest
}: Given = {}): Examination {
  const config = loadConfig({ env: {}, set: [...set] });
  return {
    config,
    permissions: {
      isRoot: true,
      capabilities: capabilitiesIn(`CapEff:\t${effective}\n`),
      inUserNamespace: false,
      hasSeccompFilter: false,
      lockdown: 'none',
      securityModules: ['capability'],
      unprivilegedBpfDisabled: 2,
      perfEventParanoid: 2,
      memlockBytes: 65536,
      memlockCounts: false,
      bpfJit: true,
      overlayHasBtf: false,
      callsBpf: () => true,
      ...permissions,
    },
    hierarchy: { version: 2, mount: '/sys/fs/cgroup' },
    needsBpf: needsBpf(config),
    receivers: {
      value: [
        { probe: 'overlayfs', attached: true, method: 'fentry' },
        { probe: 'oom', attached: true, method: 'fentry' },
      ],
    },
    checks: [],
    ...rest,
  };
}
