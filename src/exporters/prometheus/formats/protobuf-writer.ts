/**
 * Writes protobuf from its end to its beginning: the length of a message is then known when it is due.
 * https://protobuf.dev/programming-guides/encoding/
 */

const [VARINT, FIXED64, LENGTH] = [0, 1, 2];
/** More than most messages have. */
const FIRST_BYTES = 4096;

export class ProtobufWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Of the first byte that is written. */
  #at = FIRST_BYTES;

  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /** What is written, until something else is. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#at);
  }

  clear(): void {
    this.#at = this.#buffer.length;
  }

  /** @param value a whole number from 0 to 2^53 */
  uint(field: number, value: number): void {
    this.varint(value);
    this.varint(field * 8 + VARINT);
  }

  /** A sint32 or sint64. @param value a whole number from -2^52 to 2^52 */
  sint(field: number, value: number): void {
    this.uint(field, zigzag(value));
  }

  double(field: number, value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
    this.varint(field * 8 + FIXED64);
  }

  text(field: number, text: string): void {
    const end = this.length;
    const bytes = Buffer.byteLength(text);
    this.#reserve(bytes);
    this.#at -= bytes;
    this.#buffer.write(text, this.#at);
    this.close(field, end);
  }

  /** @param text has a character up to U+00FF for each byte */
  latin1(text: string): void {
    this.#reserve(text.length);
    this.#at -= text.length;
    this.#buffer.write(text, this.#at, 'latin1');
  }

  /** Repeated sint64. */
  sints(field: number, values: readonly number[]): void {
    const end = this.length;
    for (let index = values.length - 1; index >= 0; index--) this.varint(zigzag(values[index] ?? 0));
    this.close(field, end);
  }

  /** Makes one message of all that is written since {@link length} was `end`. */
  close(field: number, end: number): void {
    this.varint(this.length - end);
    this.varint(field * 8 + LENGTH);
  }

  /** @param value a whole number from 0 to 2^53 */
  varint(value: number): void {
    let bytes = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
    this.#reserve(bytes);
    this.#at -= bytes;
    let rest = value;
    for (let at = this.#at; at < this.#at + bytes - 1; at++) {
      this.#buffer[at] = 128 + (rest % 128);
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at + bytes - 1] = rest;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#at) return;
    const { length } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max(length + bytes, 2 * this.#buffer.length));
    this.#buffer.copy(larger, larger.length - length, this.#at);
    this.#buffer = larger;
    this.#at = larger.length - length;
  }
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
