/** The pages of the ring buffer as something else than the kernel might leave them. */
import assert from 'node:assert/strict';
import { type Positions, RingBuffer } from '../../../src/native/libbpf/ring-buffer.ts';
import { decodeOomEvent, OOM_EVENT } from '../../../src/receivers/oom/events.ts';
import type { Target } from '../fuzzer.ts';

const SIZE = 4096;

/** The input is how far the kernel has written, in eights, and the data pages. */
export const ringBuffer: Target = {
  words: ['\x00\x00\x00\x80', '\x00\x00\x00\x40', '\xff\xff\xff\x3f', '\x00\x00\x00\x00', '\x80\x01\x00\x00', 'dd'],
  open: () => ({ check, async [Symbol.asyncDispose]() {} }),
};

function check(input: Buffer): void {
  const producer = (input.length < 2 ? 0 : input.readUInt16LE(0) % (SIZE / 8 + 1)) * 8;
  const page = Buffer.alloc(SIZE);
  input.subarray(2).copy(page);
  // Mapped twice in a row.
  const data = new Uint8Array(new SharedArrayBuffer(2 * SIZE));
  data.set(page);
  data.set(page, SIZE);
  let at = 0;
  const positions: Positions = {
    producer: () => producer,
    consumer: () => at,
    setConsumer(position) {
      assert.ok(position > at && position <= producer && position % 8 === 0, `${position} follows ${at}`);
      at = position;
    },
  };
  const ring = new RingBuffer(data, SIZE, positions);
  const taken = ring.drain((record) => {
    assert.ok(record.length <= SIZE);
    if (record.length < OOM_EVENT.size) return;
    const { victim, trigger } = decodeOomEvent(record, 4096);
    for (const name of [victim.comm, victim.process, trigger.comm, trigger.process]) assert.ok(name.isWellFormed());
  });
  assert.ok(taken <= SIZE / 8);
}
