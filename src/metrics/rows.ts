/** Rows of numbers, many in one piece of memory: an array of its own would cost a short row twice its size. */

/** The size of a piece. The system gives memory to the pages that are written to. */
const PIECE_BYTES = 64 << 10;

export class Rows {
  readonly #width: number;
  readonly #free: Float64Array[] = [];
  #piece = new Float64Array(0);
  #taken = 0;

  /** @param width how many numbers a row has */
  constructor(width: number) {
    this.#width = width;
  }

  /** A row of zeros. */
  take(): Float64Array {
    const free = this.#free.pop();
    if (free !== undefined) return free.fill(0);
    if (this.#taken + this.#width > this.#piece.length) {
      this.#piece = new Float64Array(Math.max(1, Math.floor(PIECE_BYTES / 8 / this.#width)) * this.#width);
      this.#taken = 0;
    }
    const row = this.#piece.subarray(this.#taken, this.#taken + this.#width);
    this.#taken += this.#width;
    return row;
  }

  /** Nobody else may use the row any more. */
  give(row: Float64Array): void {
    this.#free.push(row);
  }
}

/**
 * Raises each number to what was counted. A number that seems to have fallen was not read well.
 *
 * Called at every scrape for every cgroup: an iterator over the buckets would double what a scrape costs.
 */
export function raise(totals: Float64Array, counted: ArrayLike<number>): void {
  for (let index = 0; index < totals.length; index++) {
    const total = counted[index] ?? 0;
    if (total > (totals[index] ?? 0)) totals[index] = total;
  }
}

/** Adds what was counted and not seen yet, and has it seen then. Else as {@link raise}. */
export function addGrowth(totals: Float64Array, seen: Float64Array, counted: ArrayLike<number>): void {
  for (let index = 0; index < totals.length; index++) {
    const total = counted[index] ?? 0;
    const growth = total - (seen[index] ?? 0);
    // In this order a sum does not fall beyond 2^53 either, where it is rounded.
    if (growth <= 0) continue;
    totals[index] = (totals[index] ?? 0) + growth;
    seen[index] = total;
  }
}
