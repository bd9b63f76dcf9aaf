/**
 * BPF ring buffer, read in TypeScript from the mapped pages: libbpf's reader needs a callback, and ffi-rs runs a
 * callback later, when the record is gone. kernel/bpf/ringbuf.c defines the layout.
 */

const BUSY = 1 << 31;
const DISCARD = 1 << 30;
const LENGTH_MASK = ~(BUSY | DISCARD);
const HEADER_BYTES = 8;

export interface Positions {
  /** The producer position: bytes that the kernel has written since the beginning. */
  producer(): number;
  consumer(): number;
  setConsumer(position: number): void;
}

export class RingBuffer {
  /** The map's descriptor, which is readable while there are records; negative where there is none. */
  readonly fd: number;
  readonly #data: Uint8Array;
  readonly #headers: Int32Array;
  readonly #size: number;
  readonly #positions: Positions;
  #corrupted = 0;

  /**
   * @param data the data pages, mapped twice in a row, so that no record is broken at the end
   * @param size bytes of the data pages once; a power of two
   */
  constructor(data: Uint8Array, size: number, positions: Positions, fd = -1) {
    this.fd = fd;
    this.#data = data;
    this.#headers = new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4);
    this.#size = size;
    this.#positions = positions;
  }

  /** How often the positions or a header were invalid, so that all unread records were skipped. */
  get corrupted(): number {
    return this.#corrupted;
  }

  /** Leaves all records out. */
  skip(): void {
    this.#positions.setConsumer(this.#positions.producer());
  }

  /**
   * Passes a copy of every committed record to `take`, oldest first; stops at a record that the kernel is still
   * writing.
   *
   * @returns the number of records
   */
  drain(take: (record: Buffer) => void): number {
    let taken = 0;
    let consumer = this.#positions.consumer();
    const producer = this.#positions.producer();
    while (consumer < producer) {
      const at = consumer % this.#size;
      // The kernel writes the header last, so a record whose header is committed is complete.
      const header = Atomics.load(this.#headers, at / 4);
      if ((header & BUSY) !== 0) break;
      const length = header & LENGTH_MASK;
      const step = Math.ceil((HEADER_BYTES + length) / 8) * 8;
      if (step > producer - consumer || step > this.#size) {
        this.#corrupted++;
        consumer = producer;
      } else {
        if ((header & DISCARD) === 0) {
          take(Buffer.from(this.#data.slice(at + HEADER_BYTES, at + HEADER_BYTES + length)));
          taken++;
        }
        consumer += step;
      }
      this.#positions.setConsumer(consumer);
    }
    return taken;
  }
}

/** The positions in the ring buffer's two first pages: the consumer's is ours, the producer's is the kernel's. */
export function mappedPositions(consumerPage: Uint8Array, producerPage: Uint8Array): Positions {
  const consumer = new BigUint64Array(consumerPage.buffer, consumerPage.byteOffset, 1);
  const producer = new BigUint64Array(producerPage.buffer, producerPage.byteOffset, 1);
  return {
    producer: () => Number(Atomics.load(producer, 0)),
    consumer: () => Number(Atomics.load(consumer, 0)),
    setConsumer: (position) => {
      Atomics.store(consumer, 0, BigInt(position));
    },
  };
}
