/** The checks of `floatie doctor`, in their order. */
import { PLACE_KINDS } from '../../containers/places.ts';
import type { Capability } from '../../kernel/permissions.ts';
import type { Finding } from '../../program/check.ts';
import type { Lines } from '../../receivers/checks.ts';
import * as containers from './container-checks.ts';
import type { Examination } from './examine.ts';
import * as machine from './machine-checks.ts';
import * as may from './process-checks.ts';

/** By name. */
export function linesOf(examination: Examination): Lines {
  const { checks } = examination;
  const own = (lines: Readonly<Record<string, (examination: Examination) => Finding>>): Lines =>
    Object.fromEntries(Object.entries(lines).map(([name, look]) => [name, () => look(examination)]));
  const capabilities = Object.keys(may.CAPABILITIES) as Capability[];
  return {
    ...own({ kernel: machine.kernel, btf: machine.btf }),
    ...Object.assign({}, ...checks.map(({ kernel }) => kernel)),
    ...own({ libbpf: machine.libbpf, programs: machine.programs }),
    ...Object.fromEntries(capabilities.map((name) => [name.toLowerCase(), () => may.capability(name, examination)])),
    ...own({
      lockdown: may.lockdown,
      security_modules: may.securityModules,
      seccomp: may.seccomp,
      unprivileged_bpf: may.unprivilegedBpf,
      memlock: may.memlock,
      bpf_jit: may.bpfJit,
      cgroups: machine.cgroups,
      pid_namespace: machine.pidNamespace,
    }),
    ...Object.assign({}, ...checks.map(({ containers }) => containers)),
    ...Object.fromEntries(PLACE_KINDS.map((kind) => [`names.${kind}`, () => containers.names(kind, examination)])),
    ...Object.assign({}, ...checks.map(({ receiver }) => receiver)),
  };
}
