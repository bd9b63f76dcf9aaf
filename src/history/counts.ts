/** What was counted of one container, in steps of any length. */
import { Durations } from './durations.ts';
import { Rings } from './rings.ts';

export class Counts {
  readonly rings: Rings;
  readonly durations = new Map<string, Durations>();
  readonly #durationSteps: number;

  /** @param steps how many are kept, with the one that goes on @param durationSteps the same for durations */
  constructor(steps: number, durationSteps: number) {
    this.rings = new Rings(steps);
    this.#durationSteps = durationSteps;
  }

  addDuration(op: string, step: number, bucket: number, count: number): void {
    const durations = this.durations.get(op) ?? new Durations(this.#durationSteps);
    durations.add(step, bucket, count);
    this.durations.set(op, durations);
  }

  /** Adds what another one has of a step. */
  copy(from: Counts, fromStep: number, step: number): void {
    for (const name of from.rings.names) {
      const value = from.rings.get(name, fromStep);
      if (value !== null) this.rings.add(name, step, value);
    }
    for (const [op, durations] of from.durations) {
      for (const [bucket, count] of durations.of(fromStep, 1).entries())
        if (count > 0) this.addDuration(op, step, bucket, count);
    }
  }

  get bytes(): number {
    let bytes = this.rings.bytes;
    for (const durations of this.durations.values()) bytes += durations.bytes;
    return bytes;
  }
}
