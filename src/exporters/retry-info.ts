/** How long a collector asks to be left alone: a google.rpc.RetryInfo among the details of a status of gRPC. */

const TYPE = 'type.googleapis.com/google.rpc.RetryInfo';
/** Nobody is left alone for longer than this, whatever was asked. */
const MAX_MS = 3_600_000;

/** In ms; undefined where the error of an export asks for nothing that can be understood. */
export function retryDelayMs(error: unknown): number | undefined {
  const { metadata } = (error ?? {}) as { metadata?: { get(name: string): unknown[] } };
  const [status] = metadata?.get('grpc-status-details-bin') ?? [];
  if (!Buffer.isBuffer(status)) return;
  try {
    for (const [number, detail] of fields(status)) {
      if (number !== 3 || typeof detail === 'number') continue;
      const { 1: type, 2: info } = Object.fromEntries(fields(detail));
      if (!Buffer.isBuffer(info) || String(type) !== TYPE) continue;
      const { 1: delay } = Object.fromEntries(fields(info));
      const { 1: seconds = 0, 2: nanos = 0 } = Buffer.isBuffer(delay) ? Object.fromEntries(fields(delay)) : {};
      const ms = Number(seconds) * 1000 + Number(nanos) / 1e6;
      return ms > 0 ? Math.min(ms, MAX_MS) : undefined;
    }
  } catch {} // no protobuf
  return;
}

/** The fields of a protobuf message: numbers, and the bytes of whatever has a length. */
function* fields(bytes: Buffer): Generator<[number: number, value: number | Buffer]> {
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (tag % 8 === 0) yield [number, varint()];
    else if (tag % 8 === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new RangeError('The message is cut off');
      yield [number, bytes.subarray(at, at + length)];
      at += length;
    } else throw new RangeError('None of these messages has such a field');
  }
}
