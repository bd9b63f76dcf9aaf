/**
 * Standard error, where the log goes. A full disk, or a pipe whose reader is gone or slow, neither ends Floatie nor
 * blocks it: lines that cannot be written are counted, and the number is written as soon as possible.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** How often writing is tried again, in ms. */
const RETRY_MS = 5000;
/** How long to wait for a slow reader, in ms: a burst of lines is more than a pipe holds. */
const PATIENCE_MS = 100;

const ticks = new Int32Array(new SharedArrayBuffer(4));

export class StandardError {
  #fd: number | null = null;
  /** The unwritten end of a line that was written in part. */
  #rest: Buffer = Buffer.alloc(0);
  #lost = 0;
  /** Lost lines that no line of the log has reported yet. */
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

  /** @returns whether all lost lines are reported */
  #tellLost(): boolean {
    if (this.#untold > 0 && !this.#put(this.describeLost(this.#untold))) return false;
    this.#untold = 0;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    return true;
  }

  /** @returns whether at least the beginning of the line is written */
  #put(line: string): boolean {
    // A reader that was too slow once is not waited for again until it has caught up.
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

/** A pipe that nobody reads would block the process, so it is opened a second time, without blocking. */
function withoutWaiting(fd: number): number {
  try {
    if (fstatSync(fd).isFIFO()) return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Another user's pipe, or no /proc: writes can block.
  }
  return fd;
}

export const standardError = new StandardError();
