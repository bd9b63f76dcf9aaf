/** Reads a whole file, with a timeout. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const MAX_FILE_BYTES = 1 << 20;
/** The timeout of a pipe from the shell, `--config <(…)`, in ms. */
const PIPE_MS = 5000;

/** @throws an Error with the reason, which quotes nothing of the file */
export function readWhole(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(fd);
    const isInherited = /^\/(dev\/(fd\/|stdin$)|proc\/(self|\d+)\/fd\/)/.test(path);
    if (stats.isFIFO() && !isInherited) throw new Error('it is a pipe, and no file');
    const deadline = performance.now() + (stats.isFIFO() ? PIPE_MS : 0);
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readPart(fd, buffer.subarray(length), deadline);
    }
    if (length > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB');
    if (stats.isFIFO() && length === 0) throw new Error('the pipe is empty');
    return Buffer.from(buffer.subarray(0, length));
  } finally {
    closeSync(fd);
  }
}

function readPart(fd: number, buffer: Buffer, deadline: number): number {
  for (;;) {
    try {
      return readSync(fd, buffer, 0, buffer.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() >= deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
