/** The programs of bpf/sleeps.h, which tell what operations sleep for. */
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

/** Before loading. */
export function includeSleeps(object: BpfObject): void {
  for (const name of [SWITCH, ...Object.values(HOOKS).flat(2)]) object.program(name).include();
}

/**
 * After loading. Throws when no sleep can be followed.
 *
 * @returns the causes that are told apart
 */
export function attachSleeps(object: BpfObject): Cause[] {
  object.program(SWITCH).attach();
  return CAUSES.filter(
    (cause) => UNAIDED.includes(cause) || (HOOKS[cause]?.some((set) => attachAll(object, set)) ?? true),
  );
}

/** Detaches as well what was not attached. */
export function detachSleeps(object: BpfObject): void {
  for (const name of [SWITCH, ...Object.values(HOOKS).flat(2)]) object.program(name).detach();
}

/** @returns whether all of them are attached; else none is */
function attachAll(object: BpfObject, names: readonly string[]): boolean {
  const programs = names.map((name) => object.program(name));
  try {
    for (const program of programs) program.attach();
    return true;
  } catch {
    for (const program of programs) program.detach();
    return false;
  }
}
