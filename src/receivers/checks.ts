/** The checks of `floatie doctor` that a receiver brings. */

import type { Hierarchy } from '../containers/hierarchy.ts';
import type { Place } from '../containers/places.ts';
import { explain } from '../kernel/explain.ts';
import type { Capability, Permissions } from '../kernel/permissions.ts';
import { type Finding, finding } from '../program/check.ts';
import type { Gaps } from '../program/health.ts';
import { errorOf } from '../program/reason.ts';
import { causeIn } from '../program/refusal.ts';

/** What the doctor knows before it asks a receiver. */
export interface Examination<S> {
  readonly settings: S;
  /** Whether the receiver is in the pipeline. */
  readonly isWanted: boolean;
  readonly permissions: Permissions;
  readonly hierarchy: Hierarchy;
  /** Where runtimes keep their files. */
  readonly places: readonly Place[];
  /** Whether Floatie would start. */
  readonly starts: boolean;
  /** The method by which the receiver would be attached, or null. */
  readonly method: string | null;
  /** The operations that are not measured, or not all of them, although the method is attached. */
  readonly gaps: Gaps;
}

/** Checks by name. */
export type Lines = Readonly<Record<string, () => Finding>>;

/** Checks by their place in the doctor's list. */
export interface Checks {
  /** After the checks of the kernel. */
  readonly kernel?: Lines;
  /** Before the checks of container names. */
  readonly containers?: Lines;
  /** After all others, in the order of the receivers. */
  readonly receiver: Lines;
  /** The capabilities that the receiver has a use for here. */
  readonly capabilities?: readonly Capability[];
}

/** The result of something that was tried. */
export type Attempt<T> = { readonly value: T } | { readonly error: Error };

export async function attempt<T>(work: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: errorOf(explain(error)) };
  }
}

/** A method that cannot be attached. Nothing is lost if the settings do not choose it, or if another method can. */
export function refused(
  { error }: { readonly error: Error },
  isChosen: boolean,
  isAnotherThere: boolean,
  { starts }: Pick<Examination<unknown>, 'starts'>,
): Finding {
  const { why, cure } = causeIn(error);
  if (!isChosen || isAnotherThere) return finding('unneeded', why, cure);
  return finding(starts ? 'warn' : 'fail', why, cure);
}
