/** An examination of a machine where all is well, but for what is given. */
import type { Examination } from '../../../src/commands/doctor/examine.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { capabilitiesIn, type Permissions } from '../../../src/kernel/permissions.ts';
import { OOM_METHODS } from '../../../src/receivers/oom/probes.ts';
import { METHODS } from '../../../src/receivers/overlayfs/probes.ts';

interface Given extends Partial<Omit<Examination, 'permissions' | 'config'>> {
  readonly set?: readonly string[];
  readonly effective?: string;
  readonly permissions?: Partial<Permissions>;
}

export const TRIAL = { done: 1000, counted: 1000, missed: 0 };

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
    needsBpf: config.service.pipelines.metrics.receivers.some((name) => name !== 'pressure'),
    receivers: {
      value: [
        { probe: 'overlayfs', attached: true, method: 'fentry' },
        { probe: 'oom', attached: true, method: 'fentry' },
      ],
    },
    overlayfs: new Map(METHODS.map((method) => [method, { value: TRIAL }])),
    noTrial: null,
    oom: new Map(OOM_METHODS.map((method) => [method, { value: undefined }])),
    ...rest,
  };
}
