/** What a process may do, on a machine where all is well but for what is given. */
import { capabilitiesIn, type Permissions } from '../../src/kernel/permissions.ts';

export interface Circumstances extends Partial<Omit<Permissions, 'capabilities'>> {
  /** The effective capabilities, as in /proc/self/status. */
  readonly effective?: string;
}

export function permissionsOf({ effective = '000001ffffffffff', ...rest }: Circumstances = {}): Permissions {
  return {
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
    ...rest,
  };
}
