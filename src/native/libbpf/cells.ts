/** An array of unsigned 64-bit numbers in memory that the kernel changes while we look. */
export class Cells {
  /**
   * Each access is one load or store of 64 bits, so that the halves of a number belong together. Not a Float64Array:
   * the bits of small integers are those of denormal floats, which are 0 once any library of this process was built
   * with -ffast-math, and then so are all counts.
   */
  readonly #cells: BigUint64Array;

  /** @param memory a view whose start is aligned to 8 bytes */
  constructor(memory: Uint8Array) {
    this.#cells = new BigUint64Array(memory.buffer, memory.byteOffset, memory.byteLength / 8);
  }

  get length(): number {
    return this.#cells.length;
  }

  /** The number at `index`, exact up to 2^53. */
  at(index: number): number {
    // Most are 0, and to find that out leaves no garbage.
    return this.isZero(index) ? 0 : Number(this.idAt(index));
  }

  /** The number at `index`, whole: for ids that use all 64 bits. */
  idAt(index: number): bigint {
    return this.#cells[index] ?? 0n;
  }

  isZero(index: number): boolean {
    return this.#cells[index] === 0n;
  }

  set(index: number, value: number): void {
    this.#cells[index] = BigInt(value);
  }

  clear(from: number, count: number): void {
    this.#cells.fill(0n, from, from + count);
  }
}
