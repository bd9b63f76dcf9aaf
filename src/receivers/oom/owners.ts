/** Finds the owners of processes that the kernel's report names by their numbers, while they live. */
import type { Identity } from '../../containers/identity.ts';
import { pidNamespaceOf } from '../../containers/pid-namespace.ts';
import { cgroupOf } from '../../containers/roots.ts';
import { readOrNull } from '../../program/read-or-null.ts';
import { decodeComm } from '../comm.ts';
import type { FileBudget } from '../file-budget.ts';
import type { MemoryHolder } from './kmsg-memory.ts';

/** The kernel's report numbers processes as this PID namespace does: include/linux/proc_ns.h. */
const INIT_PID_NAMESPACE = 0xeffffffc;
/** /proc/PID/stat: `PID (COMM) STATE …`. */
const STAT = /^\d+ \((.*)\) ([A-Za-z]) /s;

export class Owners {
  readonly #version: 1 | 2;
  readonly #identify: (path: string) => Identity;
  readonly #budget: FileBudget;
  readonly #isInit: boolean;

  constructor(version: 1 | 2, identify: (path: string) => Identity, budget: FileBudget) {
    this.#version = version;
    this.#identify = identify;
    this.#budget = budget;
    this.#isInit = isInitNamespace();
  }

  /** undefined for a process that has ended, is not visible, or when too many files were read in this second. */
  of({ tgid, comm }: Pick<MemoryHolder, 'tgid' | 'comm'>): Identity | undefined {
    if (!this.#isInit || !this.#budget.take(2)) return undefined;
    const [, name = '', state = 'X'] = STAT.exec(readOrNull(`/proc/${tgid}/stat`) ?? '') ?? [];
    // Another process may have the number by now, and one that ends has left its cgroup.
    if (decodeComm(Buffer.from(name)) !== comm || state === 'Z' || state === 'X') return undefined;
    const path = cgroupOf(tgid, this.#version);
    return path === null ? undefined : this.#identify(path);
  }
}

function isInitNamespace(): boolean {
  try {
    return pidNamespaceOf('self') === INIT_PID_NAMESPACE;
  } catch {
    return false;
  }
}
