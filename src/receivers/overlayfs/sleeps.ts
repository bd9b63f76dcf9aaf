/** The programs of bpf/sleeps.h, which tell what operations sleep for. */
import { readFileSync } from 'node:fs';
import { BTF } from '../../kernel/explain.ts';
import type { BpfObject } from '../../native/index.ts';
import { CAUSES, type Cause, UNAIDED } from './causes.ts';

/** Follows each sleep. Without it the others tell nothing. */
const SWITCH = 'sleeps_switch';

/** Causes that need further programs: sets of them, of which the first that this kernel attaches is used. */
const HOOKS: { readonly [cause in Cause]?: readonly (readonly string[])[] } = {
  dirty_throttle: [['sleeps_throttle'], ['sleeps_throttle_since_6_18']],
  memory: [['sleeps_direct_begin', 'sleeps_direct_end', 'sleeps_memcg_begin', 'sleeps_memcg_end']],
  lock: [['sleeps_lock_begin', 'sleeps_lock_end']],
};

/** Causes that are told by the names of the functions that a task sleeps in. */
const BY_NAME: readonly Cause[] = ['commit', 'remote'];
/** The helper that gives these names, since Linux 5.13, in the kernel's BTF. `BPF_FUNC_snprintf_btf` is older. */
const NAMING_HELPER = '\0BPF_FUNC_snprintf\0';

/** Before loading. */
export function includeSleeps(object: Pick<BpfObject, 'program'>): void {
  for (const name of [SWITCH, ...Object.values(HOOKS).flat(2)]) object.program(name).include();
}

/**
 * After loading. Throws when no sleep can be followed.
 *
 * @param btf the kernel's
 * @returns the causes that are told apart
 */
export function attachSleeps(object: Pick<BpfObject, 'program'>, btf: Buffer = readFileSync(BTF)): Cause[] {
  object.program(SWITCH).attach();
  const namesFunctions = btf.includes(NAMING_HELPER);
  return CAUSES.filter((cause) => {
    if (BY_NAME.includes(cause)) return namesFunctions;
    return UNAIDED.includes(cause) || (HOOKS[cause]?.some((set) => attachAll(object, set)) ?? true);
  });
}

/** Detaches as well what was not attached. */
export function detachSleeps(object: Pick<BpfObject, 'program'>): void {
  for (const name of [SWITCH, ...Object.values(HOOKS).flat(2)]) object.program(name).detach();
}

/** @returns whether all of them are attached; else none is */
function attachAll(object: Pick<BpfObject, 'program'>, names: readonly string[]): boolean {
  const programs = names.map((name) => object.program(name));
  try {
    for (const program of programs) program.attach();
    return true;
  } catch {
    for (const program of programs) program.detach();
    return false;
  }
}
