/** Reads the subset of protobuf that the answers of collectors use. */

/** The longest varint, of 64 bits, in bytes. */
const MAX_VARINT = 10;

/**
 * The fields of a message: varints as numbers, length-delimited fields as bytes.
 * @throws RangeError for invalid bytes
 */
export function* fields(bytes: Buffer): Generator<[number: number, value: number | Buffer]> {
  let at = 0;
  const varint = (): number => {
    for (let value = 0, length = 0; length < MAX_VARINT; length++) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 0x7f) * 128 ** length;
      if (byte < 0x80) return value;
    }
    throw new RangeError('No number is that long');
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError('The message is cut off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (number === 0) throw new RangeError('No field has the number 0');
    if (type === 0) yield [number, varint()];
    else if (type === 2) yield [number, take(varint())];
    else if (type === 1) yield [number, take(8)];
    else if (type === 5) yield [number, take(4)];
    else throw new RangeError('None of these messages has such a field');
  }
}
