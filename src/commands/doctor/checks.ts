/** The checks of `floatie doctor`, in their order. */

import { PLACE_KINDS } from '../../containers/places.ts';
import type { Capability } from '../../kernel/permissions.ts';
import { OOM_METHODS } from '../../receivers/oom/probes.ts';
import { METHODS } from '../../receivers/overlayfs/probes.ts';
import type { Finding } from './check.ts';
import * as containers from './container-checks.ts';
import type { Examination } from './examine.ts';
import * as machine from './machine-checks.ts';
import { oomBy, overlayfsBy } from './probe-checks.ts';
import * as may from './process-checks.ts';

type Look = (examination: Examination) => Finding;

export const CHECKS: Readonly<Record<string, Look>> = {
  kernel: machine.kernel,
  btf: machine.btf,
  overlay: machine.overlay,
  libbpf: machine.libbpf,
  programs: machine.programs,
  ...Object.fromEntries(
    (Object.keys(may.CAPABILITIES) as Capability[]).map((name) => [
      name.toLowerCase(),
      (examination: Examination) => may.capability(name, examination),
    ]),
  ),
  lockdown: may.lockdown,
  security_modules: may.securityModules,
  seccomp: may.seccomp,
  unprivileged_bpf: may.unprivilegedBpf,
  memlock: may.memlock,
  bpf_jit: may.bpfJit,
  cgroups: machine.cgroups,
  pid_namespace: machine.pidNamespace,
  overlay_mounts: machine.overlayMounts,
  storage_drivers: containers.storageDrivers,
  ...Object.fromEntries(
    PLACE_KINDS.map((kind) => [`names.${kind}`, (examination: Examination) => containers.names(kind, examination)]),
  ),
  ...Object.fromEntries(
    METHODS.map((method) => [`overlayfs.${method}`, (examination: Examination) => overlayfsBy(method, examination)]),
  ),
  ...Object.fromEntries(
    OOM_METHODS.map((method) => [`oom.${method}`, (examination: Examination) => oomBy(method, examination)]),
  ),
  kernel_log: machine.kernelLog,
  pressure: machine.pressure,
};
