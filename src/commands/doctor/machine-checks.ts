/** Checks of the machine: kernel, filesystems, namespaces. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { pidNamespaceOf as configuredPidNamespace } from '../../config/processors.ts';
import { cgroupIdOf, mountedHierarchies } from '../../containers/hierarchy.ts';
import { isPidNamespaceInUse, NOBODY_LIVES, pidNamespaceOf } from '../../containers/pid-namespace.ts';
import { BTF, explain, noBtf } from '../../kernel/explain.ts';
import { BpfObject, LibbpfError, libbpfVersion } from '../../native/index.ts';
import { type Finding, finding, findingOf, ok } from '../../program/check.ts';
import { causeIn, type Refusal } from '../../program/refusal.ts';
import { receivers } from '../../receivers/index.ts';
import { OBJECTS } from '../../receivers/receiver.ts';
import { type Examination, lossOf } from './examine.ts';

/** The inode number of the first PID namespace, include/linux/proc_ns.h. */
const FIRST_PID_NAMESPACE = 0xeffffffc;

export function kernel(): Finding {
  return ok(`Linux ${release()} on ${process.arch}`);
}

export function btf(examination: Examination): Finding {
  if (existsSync(BTF)) return ok(BTF);
  const { why, cure } = noBtf();
  return finding(lossOf(examination), why, cure);
}

export function libbpf(examination: Examination): Finding {
  try {
    return ok(libbpfVersion());
  } catch (error) {
    const { why, cure } = causeIn(explain(error));
    return finding(lossOf(examination), why, cure);
  }
}

export function programs(examination: Examination): Finding {
  try {
    for (const { programs } of receivers) for (const name of programs) BpfObject.open(join(OBJECTS, name)).close();
    return ok(`compiled for ${process.arch}`);
  } catch (error) {
    if (error instanceof LibbpfError && /LIB$/.test(error.code)) return finding('unknown', 'only libbpf can open them');
    const { why, cure } = causeIn(explain(error));
    return finding(lossOf(examination), why, cure);
  }
}

export function cgroups({ config, hierarchy }: Examination): Finding {
  const { v1, v2 } = mountedHierarchies();
  const mode = v1 && v2 ? 'hybrid' : v1 ? 'v1' : v2 ? 'v2' : 'none in sight';
  if (config.kernel.cgroup !== '') {
    try {
      cgroupIdOf(hierarchy, config.kernel.cgroup);
    } catch (error) {
      return findingOf('fail', error as Refusal);
    }
  }
  if (hierarchy.mount !== null) return ok(`${mode}; containers are named by v${hierarchy.version}, ${hierarchy.mount}`);
  return finding(
    'warn',
    `${mode}; the hierarchy that names containers (v${hierarchy.version}) cannot be seen: they are called "unknown"`,
    'mount it; in a container: -v /sys/fs/cgroup:/sys/fs/cgroup:ro',
  );
}

export function pidNamespace({ config }: Examination): Finding {
  const own = pidNamespaceOf('self');
  const place = own === FIRST_PID_NAMESPACE ? "the host's" : `a container's (${own})`;
  const wanted = configuredPidNamespace(config);
  if (wanted === 0) return ok(`all are measured; Floatie's own is ${place}`);
  if (wanted === 'self') return ok(`only Floatie's own is measured, ${place}`);
  if (isPidNamespaceInUse(wanted)) return ok(`only ${wanted} is measured`);
  return finding('warn', `no process that Floatie can see is in ${wanted}`, NOBODY_LIVES);
}
