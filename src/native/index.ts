/** libbpf as TypeScript: the only folder that knows C. */
import { check, errnoName, LibbpfError } from './errors.ts';
import { call } from './functions.ts';

export { errnoName, LibbpfError, type Step } from './errors.ts';
export { Cells } from './libbpf/cells.ts';
export type { BpfMap } from './libbpf/map.ts';
export { BpfObject, LoadError } from './libbpf/object.ts';
export type { BpfProgram } from './libbpf/program.ts';
export type { RingBuffer } from './libbpf/ring-buffer.ts';
export { array, type Member, Struct, u8, u32, u64 } from './libbpf/struct.ts';
export { shareOneCpu } from './libc/affinity.ts';
export { UnixDatagrams } from './libc/datagram.ts';
export { readDetached } from './libc/detached-mount.ts';
export { openOnDetachedOverlay, type SlowReader } from './libc/detached-overlay.ts';
export { FolderChanges } from './libc/folder-changes.ts';
export { openKernfsNode } from './libc/kernfs.ts';
export { RingWatch } from './libc/ring-watch.ts';

/** The version of the libbpf that is loaded, such as `v1.1`. Throws when there is none. */
export function libbpfVersion(): string {
  return call('libbpf_version_string').value;
}

/** Whether this process may call bpf(): a seccomp filter answers before the kernel sees the invalid descriptor. */
export function callsBpf(): boolean {
  const { errno } = call('bpf_obj_get_info_by_fd', -1, Buffer.alloc(8), Buffer.alloc(4));
  return !['EPERM', 'EACCES', 'ENOSYS'].includes(errnoName(errno));
}

/**
 * The number of CPUs that this machine can have, also those that this process may not use: BPF programs run on all.
 * null where /sys/devices/system/cpu/possible cannot be read.
 */
export function possibleCpus(): number | null {
  const { value } = call('libbpf_num_possible_cpus');
  return value > 0 ? value : null;
}

/** The size of a memory page, in bytes. */
export function pageSize(): number {
  return check(call('sysconf', SC_PAGESIZE), 'ask for the page size');
}

/**
 * Makes malloc take blocks of this size and more from the kernel alone, in bytes, so that they are given back when they
 * are freed. By itself it raises its limit to the size of whatever was freed, up to 32 MiB, and keeps what is below.
 */
export function returnBlocksFrom(bytes: number): void {
  call('mallopt', M_MMAP_THRESHOLD, bytes);
}

/** Gives memory that is free back to the kernel: malloc keeps what was freed below memory in use, and in threads. */
export function trimMemory(): void {
  call('malloc_trim', 0);
}

/** Moves the position of an open file to its end. Node has no function for that. */
export function seekToEnd(fd: number): void {
  const { value, errno } = call('lseek', fd, 0, SEEK_END);
  if (value < 0) throw new LibbpfError(errnoName(errno), `Cannot go to the end of a file: ${errnoName(errno)}`);
}

// malloc.h
const M_MMAP_THRESHOLD = -3;

// bits/confname.h, unistd.h
const SC_PAGESIZE = 30;
const SEEK_END = 2;
