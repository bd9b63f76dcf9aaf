/** Bytes that are written one behind the other, into memory that is used again for the next ones. */

/** More than any number has. */
const NUMBER_BYTES = 32;
const [ZERO, GROUP] = [48, 1e9];

export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Returns a copy of what is written, and begins anew. */
  take(): Buffer {
    const taken = Buffer.allocUnsafeSlow(this.#length);
    this.#buffer.copy(taken, 0, 0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Forgets what is written and not taken. */
  clear(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** @param text has characters up to U+00FF, each of which is one byte */
  latin1(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#buffer.write(text, this.#length, 'latin1');
  }

  utf8(text: string): void {
    this.#reserve(3 * text.length);
    this.#length += this.#buffer.write(text, this.#length);
  }

  /** As Prometheus' text formats have numbers: JavaScript's, but for infinity. Whole numbers are no strings on the way. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      this.latin1(String(value).replace(/^(-?)Infinity$/, (_, sign) => `${sign || '+'}Inf`));
      return;
    }
    this.#reserve(NUMBER_BYTES);
    if (value < GROUP) {
      this.#digits(value | 0, digitsOf(value));
      return;
    }
    const high = Math.floor(value / GROUP);
    this.#digits(high, digitsOf(high));
    this.#digits((value - high * GROUP) | 0, 9);
  }

  /** @param value below 1e9 */
  #digits(value: number, count: number): void {
    const buffer = this.#buffer;
    const end = this.#length + count;
    let rest = value;
    for (let at = end - 1; at >= this.#length; at--) {
      const next = (rest / 10) | 0;
      buffer[at] = ZERO + rest - next * 10;
      rest = next;
    }
    this.#length = end;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** @param value a whole number below 1e9 */
function digitsOf(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit; limit *= 10) count++;
  return count;
}
