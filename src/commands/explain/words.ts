/** The words for operations and causes, and what to try. */

/** What callers waited for, behind "81 %". A cause that is not here is shown as it is called. */
export const CAUSES: Readonly<Record<string, { readonly words: string; readonly cure: string }>> = {
  device: {
    words: 'for the device',
    cure: 'the disk is slow, busy with others (iostat -x 1) or limited (io.max); or the page cache is too small for what is read: give the container more memory',
  },
  commit: {
    words: "for the filesystem's journal",
    cure: 'each sync waits until the journal of the filesystem is written: sync less often, more at a time, or keep these files on a faster disk',
  },
  remote: {
    words: 'for a server (FUSE, NFS)',
    cure: 'the filesystem below is on the network or in a process (findmnt -t overlay shows its lowerdir): look at that server and the way to it; pull the image in advance',
  },
  dirty_throttle: {
    words: 'slowed down by the kernel, for too much was written and is not on the disk yet',
    cure: 'it writes faster than the disk takes it: write less at a time, or use a faster disk; see vm.dirty_bytes',
  },
  memory: {
    words: 'for memory',
    cure: 'the kernel had to free memory first: raise memory.max or memory.high of the container, or let it use less',
  },
  lock: {
    words: 'for a lock of the file or directory',
    cure: 'several threads use the same file or directory: let one of them write, or use several files',
  },
  runqueue: {
    words: 'for a CPU',
    cure: 'it was ready and had no CPU: raise its CPU limit or its weight, or move it to a machine with free CPUs',
  },
  cpu: {
    words: 'on the CPU itself',
    cure: 'it did not wait: the operations are many, or large; fewer and larger ones cost less',
  },
  other: {
    words: 'for something else',
    cure: 'it is not known for what: receivers.overlayfs.causes: on, the default, tells all but those for which floatie_overlayfs_cause_measured is 0 here',
  },
};

/** Of most it is `OPERATION operations`. */
const NOUNS: Readonly<Record<string, string>> = {
  read: 'reads',
  write: 'writes',
  sync: 'syncs',
  open: 'opens',
  splice: 'transfers (splice)',
  copy_range: 'transfers (copy_file_range)',
  stat: 'calls of stat',
  lookup: 'look-ups of names',
  readdir: 'listings of directories',
  create: 'creations of files',
  remove: 'removals of files',
  rename: 'renames',
  setattr: 'changes of attributes (chown, chmod)',
  allocate: 'allocations (fallocate)',
};

export function nounOf(op: string): string {
  return NOUNS[op] ?? `${op} operations`;
}
