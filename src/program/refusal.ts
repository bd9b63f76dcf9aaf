/** Something that cannot be done: why, and what helps. Whoever tells it, tells it out of these parts. */
import { reasonOf } from './reason.ts';

export interface Cause {
  readonly why: string;
  /** Absent where nothing helps. */
  readonly cure?: string | undefined;
}

export class Refusal extends Error implements Cause {
  override name = 'Refusal';
  /** What could not be done, and why. */
  readonly problem: string;
  readonly why: string;
  readonly cure: string | undefined;

  /** @param what what could not be done */
  constructor(what: string, { why, cure }: Cause, options?: ErrorOptions) {
    const problem = `${what}: ${why}`;
    super(withCure(problem, cure), options);
    this.problem = problem;
    this.why = why;
    this.cure = cure;
  }
}

/** Of anything that was thrown: what is no {@link Refusal} has no known cure. Never throws. */
export function causeIn(thrown: unknown): Cause {
  return thrown instanceof Refusal ? thrown : { why: reasonOf(thrown) };
}

/** Why, and the cure, in one line, where it is clear what could not be done. Never throws. */
export function reasonFor(thrown: unknown): string {
  const { why, cure } = causeIn(thrown);
  return withCure(why, cure);
}

function withCure(problem: string, cure: string | undefined): string {
  return cure === undefined ? problem : `${problem} (${cure})`;
}
