/** An examination of a machine where all is well, but for what is given. */
import { type Examination, needsBpf } from '../../../src/commands/doctor/examine.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Permissions } from '../../../src/kernel/permissions.ts';
import { permissionsOf } from '../../support/permissions.ts';

interface Given extends Partial<Omit<Examination, 'permissions' | 'config'>> {
  readonly set?: readonly string[];
  readonly effective?: string;
  readonly permissions?: Partial<Permissions>;
}

export function examination({ set = [], effective, permissions, ...rest }: Given = {}): Examination {
  const config = loadConfig({ env: {}, set: [...set] });
  return {
    config,
    permissions: permissionsOf({ ...permissions, ...(effective !== undefined && { effective }) }),
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
