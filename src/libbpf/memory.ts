/** Memory shared with the kernel. */
import { createExternalBuffer } from 'ffi-rs';
import { checkPointer, errnoName, LibbpfError } from './errors.ts';
import { call } from './functions.ts';

// include/uapi/asm-generic/mman-common.h
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** Maps `byteLength` bytes of a file descriptor, readable and writable, for the life of the process. */
export function shareMemory(fd: number, byteLength: number, what: string): Buffer {
  const { value: address, errno } = call('mmap', null, byteLength, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address === -1) {
    throw new LibbpfError(errnoName(errno), `Cannot map ${byteLength} bytes of ${what}: ${errnoName(errno)}`);
  }
  const pointer = checkPointer(call('memmove', address, address, 0), `use the memory of ${what}`);
  return createExternalBuffer(pointer, byteLength);
}
