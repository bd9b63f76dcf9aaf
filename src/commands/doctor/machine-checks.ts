/** What this machine is and has. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { pidNamespaceOf as configuredPidNamespace } from '../../config/processors.ts';
import { cgroupIdOf, findV2Mount, mountedHierarchies } from '../../containers/hierarchy.ts';
import { isPidNamespaceInUse, NOBODY_LIVES, pidNamespaceOf } from '../../containers/pid-namespace.ts';
import { BTF, explain, noBtf } from '../../kernel/explain.ts';
import { type PressureError, readPressure } from '../../kernel/psi.ts';
import { BpfObject, LibbpfError, libbpfVersion } from '../../native/index.ts';
import { readOrNull } from '../../program/read-or-null.ts';
import { causeIn, type Refusal } from '../../program/refusal.ts';
import { receivers } from '../../receivers/index.ts';
import { Kmsg } from '../../receivers/oom/kernel-log.ts';
import { OBJECTS } from '../../receivers/receiver.ts';
import { type Finding, finding, findingOf, ok } from './check.ts';
import { type Examination, lossOf } from './examine.ts';
import { losesScope } from './process-checks.ts';

const WAITS = 'overlayfs is not registered in the kernel yet';

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

export function overlay({ config, permissions, overlayfs, receivers }: Examination): Finding {
  if (overlayfs === null) {
    if (!config.service.pipelines.metrics.receivers.includes('overlayfs')) return finding('unneeded', WAITS);
    const isForced = config.receivers.overlayfs.attach !== 'auto';
    if (isForced && 'error' in receivers) return finding('fail', WAITS, 'modprobe overlay');
    return finding('warn', `${WAITS}; Floatie waits for it`, 'modprobe overlay');
  }
  if (readOrNull('/sys/module/overlay/initstate') === null) return ok('overlayfs is built into the kernel');
  if (permissions.overlayHasBtf) return ok('overlayfs is a module, with BTF');
  return finding('unneeded', 'overlayfs is a module without BTF, as before Linux 5.11: fentry cannot find it');
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

export function pressure({ config }: Examination): Finding {
  const isWanted = config.service.pipelines.metrics.receivers.includes('pressure');
  try {
    const { some } = readPressure('/proc/pressure/memory');
    const containers = findV2Mount() === null ? ', not of containers, which takes cgroup v2' : ', and of containers';
    return ok(`of the host (tasks waited ${some.avg60} % of the last minute)${containers}`);
  } catch (error) {
    const { message, reason } = error as PressureError;
    const cure = reason === 'forbidden' ? 'allow it to read /proc/pressure' : 'boot the kernel with psi=1';
    const isOff = reason === 'missing' || reason === 'disabled';
    const why = isOff ? 'the kernel is built without CONFIG_PSI=y, or booted without psi=1' : message;
    return finding(isWanted ? 'warn' : 'unneeded', why, cure);
  }
}

export function pidNamespace({ config }: Examination): Finding {
  const own = pidNamespaceOf('self');
  const place = own === FIRST_PID_NAMESPACE ? "the host's" : `a container's (${own})`;
  const wanted = configuredPidNamespace(config);
  if (wanted === 0) return ok(`all are measured; Floatie's own is ${place}`);
  if (wanted === 'self') return ok(`only Floatie's own is measured, ${place}`);
  if (isPidNamespaceInUse(wanted)) return ok(`only ${wanted} is measured`);
  return finding('warn', `nobody that can be seen lives in ${wanted}`, NOBODY_LIVES);
}

/** Those that this process sees, and those of the host where it sees its processes. */
export function overlayMounts(): Finding {
  const lines = ['self', '1'].flatMap((pid) => (readOrNull(`/proc/${pid}/mountinfo`) ?? '').split('\n'));
  const devices = lines.filter((line) => / - overlay /.test(line)).map((line) => line.split(' ')[2]);
  const count = new Set(devices).size;
  return ok(count === 0 ? 'none that can be seen from here' : `${count} that can be seen from here`);
}

export function kernelLog(examination: Examination): Finding {
  try {
    new Kmsg().close();
    return ok('/dev/kmsg can be read');
  } catch (error) {
    const { code = (error as Error).message } = error as NodeJS.ErrnoException;
    const reason = `/dev/kmsg cannot be read (${code})`;
    if (!losesScope(examination)) return finding('unneeded', reason);
    const cure = 'run it as root; in a container: --device /dev/kmsg --cap-add SYSLOG';
    return finding('warn', `${reason}: the scope of OOM kills is "unknown"`, cure);
  }
}
