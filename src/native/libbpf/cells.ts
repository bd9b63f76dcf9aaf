/** An array of unsigned 64-bit numbers in memory that the kernel changes at any time. */
export class Cells {
  /**
   * Each access is one load or store of 64 bits, so no number is torn. A Float64Array would not do: small integers have
   * the bits of denormal floats, which read as 0 once a library built with -ffast-math is loaded into this process.
   */
  readonly #cells: BigUint64Array;
  readonly #halves: Uint32Array;

  /** @param memory a view whose start is aligned to 8 bytes */
  constructor(memory: Uint8Array) {
    this.#cells = new BigUint64Array(memory.buffer, memory.byteOffset, memory.byteLength / 8);
    this.#halves = new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength / 4);
  }

  get length(): number {
    return this.#cells.length;
  }

  /** The number at `index`, exact up to 2^53. */
  at(index: number): number {
    // Most cells are 0; the check for 0 allocates no BigInt.
    return this.isZero(index) ? 0 : Number(this.idAt(index));
  }

  /** The number at `index` with all 64 bits, for ids. */
  idAt(index: number): bigint {
    return this.#cells[index] ?? 0n;
  }

  isZero(index: number): boolean {
    return this.#cells[index] === 0n;
  }

  /** Whether another array has the same 64 bits. Allocates nothing. */
  hasSame(index: number, other: Cells, at: number): boolean {
    const [mine, its] = [this.#halves, other.#halves];
    return mine[2 * index] === its[2 * at] && mine[2 * index + 1] === its[2 * at + 1];
  }

  /**
   * A number that changes when cells grow: their sum, exact up to 2^53, though a number that the kernel changes meanwhile
   * may be torn. Allocates nothing.
   */
  version(from: number, count: number): number {
    let sum = 0;
    for (let half = 2 * from; half < 2 * (from + count); half += 2) {
      sum += (this.#halves[half] ?? 0) + (this.#halves[half + 1] ?? 0) * 2 ** 32;
    }
    return sum;
  }

  set(index: number, value: number): void {
    this.setId(index, BigInt(value));
  }

  setId(index: number, id: bigint): void {
    this.#cells[index] = id;
  }

  clear(from: number, count: number): void {
    this.#cells.fill(0n, from, from + count);
  }
}
