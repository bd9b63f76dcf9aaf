/** An error with cause and cure. Messages are composed of these parts. */
import { reasonOf } from './reason.ts';

export interface Cause {
  readonly why: string;
  /** Absent without a known cure. */
  readonly cure?: string | undefined;
}

export class Refusal extends Error implements Cause {
  override name = 'Refusal';
  /** The failed action with its cause. */
  readonly problem: string;
  readonly why: string;
  readonly cure: string | undefined;

  /** @param what the failed action, such as `Cannot listen on …` */
  constructor(what: string, { why, cure }: Cause, options?: ErrorOptions) {
    const problem = `${what}: ${why}`;
    super(withCure(problem, cure), options);
    this.problem = problem;
    this.why = why;
    this.cure = cure;
  }
}

/** The cause of a thrown value; only a {@link Refusal} has a cure. Never throws. */
export function causeIn(thrown: unknown): Cause {
  return thrown instanceof Refusal ? thrown : { why: reasonOf(thrown) };
}

/** Cause and cure in one line, without the failed action. Never throws. */
export function reasonFor(thrown: unknown): string {
  const { why, cure } = causeIn(thrown);
  return withCure(why, cure);
}

function withCure(problem: string, cure: string | undefined): string {
  return cure === undefined ? problem : `${problem} (${cure})`;
}
