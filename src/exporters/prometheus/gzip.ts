/** One compression for all its readers, as far as the fastest of them has read. */
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Chunks } from './bodies.ts';

/** What a compression takes: 256 kB of zlib, and what it has taken and not yet given. */
const OWN_BYTES = 384 << 10;

export class Gzip implements Chunks {
  readonly #onGrow: (bytes: number) => void;
  readonly #compressed: AsyncIterator<Buffer>;
  readonly #made: Buffer[] = [];
  #underWay: Promise<void> | null = null;
  #isDone = false;

  /** @param onGrow called with the further memory that is taken, in bytes; negative when it is free again */
  constructor(plain: Iterable<Buffer> | AsyncIterable<Buffer>, onGrow: (bytes: number) => void) {
    this.#onGrow = onGrow;
    const gzip = createGzip();
    // The iterator has the error.
    pipeline(Readable.from(plain), gzip, () => undefined);
    this.#compressed = gzip[Symbol.asyncIterator]();
    onGrow(OWN_BYTES);
  }

  async chunk(number: number): Promise<Buffer | null> {
    while (this.#made.length <= number && !this.#isDone) {
      this.#underWay ??= this.#make();
      await this.#underWay;
    }
    return this.#made[number] ?? null;
  }

  /** Ends the compression, for there is nobody left to read it. */
  close(): void {
    this.#isDone = true;
    void this.#compressed.return?.();
  }

  async #make(): Promise<void> {
    const { done = false, value } = await this.#compressed.next();
    // One that failed stays, and fails for everybody.
    this.#underWay = null;
    this.#isDone ||= done;
    if (!done) this.#made.push(value);
    this.#onGrow(done ? -OWN_BYTES : value.length);
  }
}
