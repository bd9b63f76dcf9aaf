/**
 * Standard error, where the log goes. Whoever keeps it may lose it: a disk is full, a reader is gone, or reads no more.
 * None of that ends Floatie or holds it up: what cannot be written is counted, and told as soon as something can.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** How often it is tried whether something can be written again, in ms. */
const RETRY_MS = 5000;
/** How long a reader that is behind is waited for, in ms: a burst of lines is more than a pipe holds. */
const PATIENCE_MS = 100;

const ticks = new Int32Array(new SharedArrayBuffer(4));

export class StandardError {
  #fd: number | null = null;
  /** The end of a line of which only the beginning could be written. */
  #rest: Buffer = Buffer.alloc(0);
  #lost = 0;
  /** Those of them of which nothing has been said yet. */
  #untold = 0;
  #timer: NodeJS.Timeout | null = null;
  /** The line that says how many are lost. */
  describeLost = (lost: number): string => `${lost} lines of the log are lost\n`;

  /** Lines that could not be written. */
  get lost(): number {
    return this.#lost;
  }

  /** @param line with its line feed */
  write(line: string): void {
    if (this.#tellLost() && this.#put(line)) return;
    this.#lost++;
    this.#untold++;
    this.#timer ??= setInterval(() => this.#tellLost(), RETRY_MS).unref();
  }

  /** @returns whether nothing is left to be told */
  #tellLost(): boolean {
    if (this.#untold > 0 && !this.#put(this.describeLost(this.#untold))) return false;
    this.#untold = 0;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    return true;
  }

  /** @returns whether it is written, or at least begun */
  #put(line: string): boolean {
    // Who did not read in time before is not waited for once more.
    const deadline = performance.now() + (this.#untold > 0 ? 0 : PATIENCE_MS);
    try {
      if (this.#rest.length > 0) this.#rest = this.#writeUntil(deadline, this.#rest);
      if (this.#rest.length > 0) return false;
      const bytes = Buffer.from(line);
      this.#rest = this.#writeUntil(deadline, bytes);
      return this.#rest.length < bytes.length;
    } catch {
      return false;
    }
  }

  /** @returns what could not be written in time */
  #writeUntil(deadline: number, bytes: Buffer): Buffer {
    this.#fd ??= withoutWaiting(2);
    let left = bytes;
    for (;;) {
      try {
        left = left.subarray(writeSync(this.#fd, left));
        if (left.length === 0) return left;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        if (performance.now() >= deadline) return left;
        Atomics.wait(ticks, 0, 0, 1);
      }
    }
  }
}

/** A pipe that nobody reads would hold up the whole process: it is opened once more, so as not to wait for it. */
function withoutWaiting(fd: number): number {
  try {
    if (fstatSync(fd).isFIFO()) return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Another user's pipe, or no /proc: it is waited for.
  }
  return fd;
}

/** That of this process. */
export const standardError = new StandardError();
