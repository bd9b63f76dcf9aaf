import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { mappedPositions, type Positions, RingBuffer } from '../../../src/native/libbpf/ring-buffer.ts';

const SIZE = 64;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

/** The kernel's side of a ring buffer on plain memory: what it writes shows in both mappings of the data. */
class Ring implements Positions {
  readonly data = Buffer.alloc(2 * SIZE);
  readonly buffer = new RingBuffer(this.data, SIZE, this);
  /** Every place the consumer has been put at. */
  readonly moves: number[] = [];
  #producer: number;
  #consumer: number;

  constructor(start = 0) {
    this.#producer = start;
    this.#consumer = start;
  }

  producer(): number {
    return this.#producer;
  }

  consumer(): number {
    return this.#consumer;
  }

  setConsumer(position: number): void {
    this.#consumer = position;
    this.moves.push(position);
  }

  /** Reserves and writes one record. @returns its position */
  write(content: string, flags = 0): number {
    const at = this.#producer;
    const bytes = Buffer.from(content);
    this.writeHeader(at, bytes.length, flags);
    for (const [index, byte] of bytes.entries()) this.#put(at + 8 + index, byte);
    this.#producer += Math.ceil((8 + bytes.length) / 8) * 8;
    return at;
  }

  /** A header that need not be true; the producer is moved by 8 bytes only when the record is to end there. */
  writeHeader(at: number, length: number, flags = 0): void {
    const header = Buffer.alloc(8, 0xee); // the second word is the kernel's own
    header.writeUInt32LE((length | flags) >>> 0);
    for (const [index, byte] of header.entries()) this.#put(at + index, byte);
  }

  /** Reserves a place without a record that makes sense. @returns its position */
  reserve(bytes: number): number {
    this.#producer += bytes;
    return this.#producer - bytes;
  }

  drain(): string[] {
    const records: string[] = [];
    const taken = this.buffer.drain((record) => records.push(record.toString()));
    assert.equal(taken, records.length);
    return records;
  }

  #put(position: number, byte: number): void {
    this.data[position % SIZE] = byte;
    this.data[(position % SIZE) + SIZE] = byte;
  }
}

suite('a ring buffer', () => {
  test('that is empty has no records', () => assert.deepEqual(new Ring().drain(), []));

  test('gives its records oldest first', () => {
    const ring = new Ring();
    for (const content of ['first', 'second', 'third']) ring.write(content);
    assert.deepEqual(ring.drain(), ['first', 'second', 'third']);
  });

  test('gives each record once', () => {
    const ring = new Ring();
    ring.write('once');
    ring.drain();
    assert.deepEqual(ring.drain(), []);
  });

  for (let length = 0; length <= 17; length++) {
    test(`gives a record of ${length} bytes whole, and the one behind it`, () => {
      const ring = new Ring();
      const content = 'abcdefghijklmnopq'.slice(0, length);
      ring.write(content);
      ring.write('next');
      assert.deepEqual(ring.drain(), [content, 'next']);
    });
  }

  test('can be full to the last byte', () => {
    const ring = new Ring();
    ring.write('x'.repeat(SIZE - 8));
    assert.deepEqual(ring.drain(), ['x'.repeat(SIZE - 8)]);
  });

  test('gives records that go over its end', () => {
    const ring = new Ring();
    const contents = Array.from({ length: 50 }, (_, index) =>
      `record number ${index}, which is long`.slice(0, 1 + (index % 30)),
    );
    assert.deepEqual(
      contents.map((content) => {
        ring.write(content);
        return ring.drain();
      }),
      contents.map((content) => [content]),
    );
  });

  test('gives copies, which stay when the kernel writes there again', () => {
    const ring = new Ring();
    const records: Buffer[] = [];
    ring.write('before');
    ring.buffer.drain((record) => records.push(record));
    ring.data.fill(0);
    assert.equal(records[0]?.toString(), 'before');
  });

  test('goes on beyond 2^32 bytes', () => {
    const ring = new Ring(2 ** 32 - 16);
    for (const content of ['before', 'across', 'behind']) ring.write(content);
    assert.deepEqual([ring.drain(), ring.consumer()], [['before', 'across', 'behind'], 2 ** 32 + 32]);
  });
});

suite('a record that the kernel is still writing', () => {
  test('stops the drain, although there are finished ones behind it', () => {
    const ring = new Ring();
    ring.write('done');
    ring.write('busy', BUSY);
    ring.write('behind');
    assert.deepEqual(ring.drain(), ['done']);
  });

  test('is taken, with those behind it, once it is finished', () => {
    const ring = new Ring();
    const at = ring.write('busy', BUSY);
    ring.write('behind');
    ring.drain();
    ring.writeHeader(at, 4);
    assert.deepEqual(ring.drain(), ['busy', 'behind']);
  });

  test('is not passed by the consumer', () => {
    const ring = new Ring();
    ring.write('busy', BUSY);
    ring.drain();
    assert.deepEqual([ring.consumer(), ring.moves], [0, []]);
  });

  test('is left alone when it is marked as discarded as well', () => {
    const ring = new Ring();
    ring.write('busy', BUSY | DISCARD);
    assert.deepEqual([ring.drain(), ring.consumer()], [[], 0]);
  });
});

suite('a discarded record', () => {
  test('is skipped, and those behind it are taken', () => {
    const ring = new Ring();
    ring.write('a');
    ring.write('discarded', DISCARD);
    ring.write('b');
    assert.deepEqual(ring.drain(), ['a', 'b']);
  });

  test('gives its room back', () => {
    const ring = new Ring();
    ring.write('discarded', DISCARD);
    ring.drain();
    assert.equal(ring.consumer(), ring.producer());
  });
});

suite('the position of the consumer', () => {
  test('advances record by record, so that the kernel gets room early', () => {
    const ring = new Ring();
    ring.write('12345678');
    ring.write('');
    ring.write('123');
    ring.drain();
    assert.deepEqual(ring.moves, [16, 24, 40]);
  });

  test('is moved only after its record is taken', () => {
    const ring = new Ring();
    ring.write('a');
    ring.write('b');
    const seen: number[] = [];
    ring.buffer.drain(() => seen.push(ring.consumer()));
    assert.deepEqual(seen, [0, 16]);
  });

  test('goes no further than the producer was when the drain began', () => {
    const ring = new Ring();
    ring.write('first');
    const records: string[] = [];
    ring.buffer.drain((record) => {
      records.push(record.toString());
      ring.write('meanwhile');
    });
    assert.deepEqual([records, ring.drain()], [['first'], ['meanwhile']]);
  });
});

suite('a length that cannot be', () => {
  const rows: [string, number, number][] = [
    ['beyond the producer', 16, 9],
    ['beyond the producer by a whole record', 24, 32],
    ['beyond the size', SIZE, SIZE - 7],
    ['as long as the header can say', SIZE, 0x3fff_ffff],
  ];
  for (const [name, reserved, length] of rows) {
    test(`${name} is counted, and all that is there is skipped`, () => {
      const ring = new Ring();
      ring.writeHeader(ring.reserve(reserved), length);
      assert.deepEqual([ring.drain(), ring.buffer.corrupted, ring.consumer()], [[], 1, ring.producer()]);
    });
  }

  test('does not take the records before it with it', () => {
    const ring = new Ring();
    ring.write('good');
    ring.writeHeader(ring.reserve(8), 1000);
    assert.deepEqual(ring.drain(), ['good']);
  });

  test('does not keep later records from being read', () => {
    const ring = new Ring();
    ring.writeHeader(ring.reserve(8), 1000);
    ring.drain();
    ring.write('later');
    assert.deepEqual([ring.drain(), ring.buffer.corrupted], [['later'], 1]);
  });

  test('is not believed when a discarded record has it', () => {
    const ring = new Ring();
    ring.writeHeader(ring.reserve(8), 1000, DISCARD);
    assert.deepEqual([ring.drain(), ring.buffer.corrupted], [[], 1]);
  });

  test('is counted every time', () => {
    const ring = new Ring();
    for (let i = 0; i < 3; i++) {
      ring.writeHeader(ring.reserve(8), 1000);
      ring.drain();
    }
    assert.equal(ring.buffer.corrupted, 3);
  });
});

suite('the mapped positions', () => {
  /** Two pages in one buffer, neither at its beginning. */
  function pages(): { consumer: Buffer; producer: Buffer; positions: Positions } {
    const memory = Buffer.from(new ArrayBuffer(3 * 4096));
    const consumer = memory.subarray(4096, 8192);
    const producer = memory.subarray(8192);
    return { consumer, producer, positions: mappedPositions(consumer, producer) };
  }

  for (const position of [0, 8, 2 ** 32 - 8, 2 ** 32, 2 ** 32 + 8, 2 ** 48]) {
    test(`read ${position} as the kernel wrote it`, () => {
      const { producer, positions } = pages();
      producer.writeBigUInt64LE(BigInt(position));
      assert.deepEqual([positions.producer(), positions.consumer()], [position, 0]);
    });

    test(`write ${position} for the kernel to read`, () => {
      const { consumer, producer, positions } = pages();
      positions.setConsumer(position);
      assert.deepEqual(
        [consumer.readBigUInt64LE(), positions.consumer(), producer.readBigUInt64LE()],
        [BigInt(position), position, 0n],
      );
    });
  }
});
