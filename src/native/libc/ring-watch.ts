/** Waits until the kernel writes into a ring buffer, by poll(2) on a thread of Node's pool. */
import { closeSync } from 'node:fs';
import { checkErrno } from '../errors.ts';
import { call, callOnThread } from '../functions.ts';
import type { RingBuffer } from '../libbpf/ring-buffer.ts';

// sys/eventfd.h
const EFD_NONBLOCK_CLOEXEC = 0o2004000;
/** A number that an eventfd adds, and which is read from it. */
const ONE = Buffer.from(BigUint64Array.of(1n).buffer);
// poll.h: struct pollfd { int fd; short events; short revents; }
const POLLIN = 1;
const POLLFD_BYTES = 8;
const [EVENTS_AT, REVENTS_AT] = [4, 6];
const FOREVER = -1;

/** While it waits, it keeps the process alive and one thread busy. */
export class RingWatch {
  readonly #rings = new Set<RingBuffer>();
  /** Readable when the wait has to end. */
  readonly #eventFd = checkErrno(call('eventfd', 0, EFD_NONBLOCK_CLOEXEC), 'open an eventfd');
  #isWaiting = false;
  #isClosed = false;

  /** Throws {@link LibbpfError}. */
  constructor() {
    // Node joins its threads when it exits: without this it would wait for the next event.
    process.on('exit', this.#interrupt);
  }

  add(ring: RingBuffer): void {
    this.#rings.add(ring);
    this.#interrupt();
  }

  /** Call before the ring buffer's object is closed. */
  remove(ring: RingBuffer): void {
    this.#rings.delete(ring);
    this.#interrupt();
  }

  /** Waits until a ring buffer has records, one call after the other. @returns false once it is closed */
  async wait(): Promise<boolean> {
    while (!this.#isClosed) {
      this.#isWaiting = true;
      const hasRecords = await this.#poll().finally(() => {
        this.#isWaiting = false;
      });
      if (this.#isClosed) this.#free();
      else if (hasRecords) return true;
    }
    return false;
  }

  /** Ends a {@link wait}. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#interrupt();
    this.#isClosed = true;
    if (!this.#isWaiting) this.#free();
  }

  async #poll(): Promise<boolean> {
    const rings = [...this.#rings];
    const polled = pollFds([this.#eventFd, ...rings.map(({ fd }) => fd)]);
    checkErrno(await callOnThread('poll', polled, 1 + rings.length, FOREVER), 'wait for ring buffers');
    if (reventsOf(polled, 0) !== 0) call('read', this.#eventFd, Buffer.alloc(ONE.length), ONE.length);
    let hasRecords = false;
    for (const [index, ring] of rings.entries()) {
      const revents = reventsOf(polled, 1 + index);
      if ((revents & POLLIN) !== 0) hasRecords = true;
      // One that is closed all the same would be reported again and again.
      else if (revents !== 0) this.#rings.delete(ring);
    }
    return hasRecords;
  }

  #free(): void {
    process.off('exit', this.#interrupt);
    closeSync(this.#eventFd);
  }

  readonly #interrupt = (): void => {
    // Afterwards its number may be that of another file.
    if (!this.#isClosed) call('write', this.#eventFd, ONE, ONE.length);
  };
}

function pollFds(fds: readonly number[]): Buffer {
  const polled = Buffer.alloc(fds.length * POLLFD_BYTES);
  for (const [index, fd] of fds.entries()) {
    polled.writeInt32LE(fd, index * POLLFD_BYTES);
    polled.writeInt16LE(POLLIN, index * POLLFD_BYTES + EVENTS_AT);
  }
  return polled;
}

function reventsOf(polled: Buffer, index: number): number {
  return polled.readInt16LE(index * POLLFD_BYTES + REVENTS_AT);
}
