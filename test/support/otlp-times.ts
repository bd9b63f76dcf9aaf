/** The times in a request of OTLP metrics, as protobuf: opentelemetry/proto/metrics/v1/metrics.proto. */

export interface PointTimes {
  readonly metric: string;
  /** ms since 1970. */
  readonly startMs: number;
  readonly timeMs: number;
}

interface Field {
  readonly number: number;
  readonly bytes: Buffer;
}

const [GAUGE, SUM, HISTOGRAM] = [5, 7, 9];

export function pointTimes(request: Buffer): PointTimes[] {
  const metrics = inside(inside(inside([request], 1), 2), 2);
  return metrics.flatMap((metric) => {
    const name = inside([metric], 1)[0]?.toString() ?? '';
    const points = [GAUGE, SUM, HISTOGRAM].flatMap((kind) => inside(inside([metric], kind), 1));
    return points.map((point) => ({ metric: name, startMs: nanos(point, 2) / 1e6, timeMs: nanos(point, 3) / 1e6 }));
  });
}

function inside(messages: readonly Buffer[], number: number): Buffer[] {
  return messages.flatMap((message) =>
    fields(message).flatMap((field) => (field.number === number ? [field.bytes] : [])),
  );
}

function nanos(message: Buffer, number: number): number {
  const [bytes] = inside([message], number);
  return bytes === undefined ? 0 : Number(bytes.readBigUInt64LE());
}

function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const start = at;
    switch (tag % 8) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        found.push({ number: Math.floor(tag / 8), bytes: message.subarray(at, at + length) });
        at += length;
        continue;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error(`no protobuf: a field of type ${tag % 8}`);
    }
    found.push({ number: Math.floor(tag / 8), bytes: message.subarray(start, at) });
  }
  return found;
}
