/** Writes the subset of protobuf that tests need. */

export function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

export function numberField(number: number, value: number): Buffer {
  return Buffer.from([number * 8, ...varint(value)]);
}

export function bytesField(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...varint(bytes.length)]), bytes]);
}

/** The answer of a partial success. */
export function partialSuccess(rejected: number, message: string): Buffer {
  return bytesField(1, Buffer.concat([numberField(1, rejected), bytesField(2, message)]));
}

/** A google.rpc.Status with a RetryInfo. */
export function statusWithDelay(seconds: number, nanos = 0, type = 'type.googleapis.com/google.rpc.RetryInfo'): Buffer {
  const delay = Buffer.concat([numberField(1, seconds), numberField(2, nanos)]);
  const any = Buffer.concat([bytesField(1, type), bytesField(2, bytesField(1, delay))]);
  return Buffer.concat([numberField(1, 8), bytesField(2, 'enough'), bytesField(3, any)]);
}

/** A message as gRPC frames it. */
export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
