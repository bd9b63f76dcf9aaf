/** Memory shared with the kernel. */
import { createExternalBuffer } from 'ffi-rs';
import { checkPointer, errnoName, LibbpfError } from './errors.ts';
import { call } from './functions.ts';

// include/uapi/asm-generic/mman-common.h
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

export interface Extent {
  readonly byteLength: number;
  /** The first byte in the file, a multiple of the page size. */
  readonly offset?: number;
  readonly writable?: boolean;
}

/** Maps a part of a file descriptor for the life of the process. */
export function shareMemory(fd: number, { byteLength, offset = 0, writable = true }: Extent, what: string): Buffer {
  const protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  const { value: address, errno } = call('mmap', null, byteLength, protection, MAP_SHARED, fd, offset);
  if (address === -1) {
    const code = errnoName(errno);
    throw new LibbpfError(code, `Cannot map ${byteLength} bytes of ${what}: ${code}`, { step: 'map' });
  }
  const pointer = checkPointer(call('memmove', address, address, 0), `use the memory of ${what}`);
  return createExternalBuffer(pointer, byteLength);
}
