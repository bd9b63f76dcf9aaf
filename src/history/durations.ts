/** The durations of an operation in the last steps, in the default buckets of the histograms. */
import { foldTable, toNs } from '../metrics/buckets.ts';
import { STEPS } from './schema.ts';

/** Upper bounds in µs, inclusive: 1, 2, 4 … 524288; above them is one bucket more. */
export const BOUNDS_US: readonly number[] = Array.from({ length: 20 }, (_, power) => 2 ** power);
const BUCKETS = BOUNDS_US.length + 1;
/** What is kept of a count for five minutes: its logarithm. A step of it is a factor of 1.09. */
const STEPS_OF_OCTAVE = 8;

/** Buckets over steps. */
export class Durations {
  readonly #steps: number;
  readonly #counts: Uint32Array;
  /** Logarithms of the counts of the last {@link STEPS} steps that have ended. */
  #logarithms: Uint8Array | null = null;
  /** The last step with counts. The places of later ones still have those of a turn before. */
  #last = -1;
  /** The last step that was kept. */
  #lastKept = -1;

  /** @param steps how many there are, with the one that goes on */
  constructor(steps: number) {
    this.#steps = steps;
    this.#counts = new Uint32Array(steps * BUCKETS);
  }

  add(step: number, bucket: number, count: number): void {
    this.#begin(step);
    const at = (step % this.#steps) * BUCKETS + bucket;
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
  }

  /** Whether something was counted in a step that has no later one. */
  isIn(step: number): boolean {
    return step === this.#last;
  }

  /** Clears the places of the steps since the last one with counts. */
  #begin(step: number): void {
    for (let next = Math.max(this.#last, step - this.#steps) + 1; next <= step; next++) {
      const at = (next % this.#steps) * BUCKETS;
      this.#counts.fill(0, at, at + BUCKETS);
    }
    this.#last = Math.max(this.#last, step);
  }

  /** Of several steps, up to a given one and with it. */
  of(last: number, steps: number): Float64Array {
    const sum = new Float64Array(BUCKETS);
    for (let step = Math.max(last - steps + 1, 0); step <= Math.min(last, this.#last); step++) {
      const at = (step % this.#steps) * BUCKETS;
      for (let bucket = 0; bucket < BUCKETS; bucket++)
        sum[bucket] = (sum[bucket] ?? 0) + (this.#counts[at + bucket] ?? 0);
    }
    return sum;
  }

  /** Keeps the counts of a step that ends, if it has any, for five minutes, to within 5 %; up to 11 they are exact. */
  keep(step: number): void {
    if (!this.isIn(step)) return;
    this.#logarithms ??= new Uint8Array(STEPS * BUCKETS);
    for (let next = Math.max(this.#lastKept, step - STEPS) + 1; next < step; next++)
      this.#logarithms.fill(0, keptAt(next), keptAt(next) + BUCKETS);
    this.#logarithms.set(this.of(step, 1).map(logarithmOf), keptAt(step));
    this.#lastKept = step;
  }

  /** @returns what was kept of one of the last {@link STEPS} steps */
  kept(step: number): number[] {
    if (step > this.#lastKept) return new Array<number>(BUCKETS).fill(0);
    return Array.from(this.#logarithms?.subarray(keptAt(step), keptAt(step) + BUCKETS) ?? [], countOf);
  }

  get bytes(): number {
    return this.#counts.byteLength + (this.#logarithms?.byteLength ?? 0);
  }
}

function keptAt(step: number): number {
  return (step % STEPS) * BUCKETS;
}

function logarithmOf(count: number): number {
  return count === 0 ? 0 : Math.min(255, 1 + Math.round(STEPS_OF_OCTAVE * Math.log2(count)));
}

function countOf(logarithm: number): number {
  return logarithm === 0 ? 0 : Math.round(2 ** ((logarithm - 1) / STEPS_OF_OCTAVE));
}

/** For each bucket of the kernel's grid, the bucket here that has all of it. */
export function foldOf(gridNs: readonly number[]): readonly number[] {
  return foldTable(gridNs, BOUNDS_US.map(toNs));
}

export function emptyCounts(): Uint32Array {
  return new Uint32Array(BUCKETS);
}

/**
 * A quantile in µs as PromQL's histogram_quantile() has it: evenly spread within a bucket, and at most the highest
 * bound. null without counts.
 */
export function quantile(counts: ArrayLike<number>, share: number): number | null {
  let all = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) all += counts[bucket] ?? 0;
  if (all === 0) return null;
  let rank = share * all;
  for (let bucket = 0; bucket < BOUNDS_US.length; bucket++) {
    const count = counts[bucket] ?? 0;
    const [below, bound] = [BOUNDS_US[bucket - 1] ?? 0, BOUNDS_US[bucket] ?? 0];
    if (count > 0 && rank <= count) return below + (bound - below) * (rank / count);
    rank -= count;
  }
  return BOUNDS_US.at(-1) ?? null;
}
