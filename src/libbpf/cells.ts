/** An array of unsigned 64-bit numbers in memory that the kernel changes while we look. */
export class Cells {
  readonly #cells: Float64Array;
  readonly #one = new Float64Array(1);
  readonly #halves = new Uint32Array(this.#one.buffer);

  /** @param memory a view whose start is aligned to 8 bytes */
  constructor(memory: Uint8Array) {
    this.#cells = new Float64Array(memory.buffer, memory.byteOffset, memory.byteLength / 8);
  }

  get length(): number {
    return this.#cells.length;
  }

  /**
   * The number at `index`, exact up to 2^53. It is moved as one 64-bit load (as a float whose bits are the integer's),
   * so that its halves always belong together, and without a BigInt, which would be garbage at every read.
   */
  at(index: number): number {
    this.#one[0] = this.#cells[index] ?? 0;
    return (this.#halves[1] ?? 0) * 0x1_0000_0000 + (this.#halves[0] ?? 0);
  }

  /** The number at `index`, whole: for ids that use all 64 bits. */
  idAt(index: number): bigint {
    this.#one[0] = this.#cells[index] ?? 0;
    return (BigInt(this.#halves[1] ?? 0) << 32n) | BigInt(this.#halves[0] ?? 0);
  }

  /** Is the number at `index` 0? */
  isZero(index: number): boolean {
    // As a float, 2^63 is -0; no id or counter gets there.
    return this.#cells[index] === 0;
  }

  set(index: number, value: number): void {
    this.#halves[0] = value % 0x1_0000_0000;
    this.#halves[1] = Math.floor(value / 0x1_0000_0000);
    this.#cells[index] = this.#one[0] ?? 0;
  }

  clear(from: number, count: number): void {
    this.#cells.fill(0, from, from + count);
  }
}
