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
