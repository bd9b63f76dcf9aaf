/** What the doctor asks of a receiver: the checks of what only this receiver needs. */

import type { Hierarchy } from '../containers/hierarchy.ts';
import type { PlaceSettings } from '../containers/places.ts';
import { explain } from '../kernel/explain.ts';
import type { Capability, Permissions } from '../kernel/permissions.ts';
import { type Finding, finding } from '../program/check.ts';
import type { ProbeState } from '../program/health.ts';
import { errorOf } from '../program/reason.ts';
import { causeIn } from '../program/refusal.ts';

/** What the doctor knows before it asks. */
export interface Examination<S> {
  readonly settings: S;
  /** Whether the pipeline names it. */
  readonly isWanted: boolean;
  readonly permissions: Permissions;
  readonly hierarchy: Hierarchy;
  /** The section `containers.places` of the configuration. */
  readonly places: PlaceSettings;
  /** Whether Floatie would start. */
  readonly starts: boolean;
  /** The method by which the receiver would be attached, or null. */
  readonly method: string | null;
  /** What it would not measure on this kernel. */
  readonly unmeasured: NonNullable<ProbeState['unmeasured']>;
}

/** A line each, by its name. */
export type Lines = Readonly<Record<string, () => Finding>>;

/** By the place where the doctor prints them. */
export interface Checks {
  /** Behind those of the kernel. */
  readonly kernel?: Lines;
  /** Before those of the containers' names. */
  readonly containers?: Lines;
  /** Behind all others, in the order of the receivers. */
  readonly receiver: Lines;
  /** Without these the receiver loses something here. */
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

/** What it means that a method cannot be attached: nothing, where the settings do not choose it or another one can. */
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
