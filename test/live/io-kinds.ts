/**
 * What becomes of each kind of I/O on overlayfs, by where Floatie is attached. io-kinds.test.ts lets the kernel that
 * runs say so, kernel/special.test.ts does so for some on every kernel, scripts/io-table.ts writes it into
 * docs/metrics.md.
 */

/**
 * The histogram, `floatie_overlayfs_errors_total`, `…_zero_total`, `…_async_total` of reads and writes; the histograms of
 * splice and copy_range.
 */
export type Outcome = 'sample' | 'error' | 'zero' | 'async' | 'splice' | 'copy_range';

/** One call that is seen: it has one of these outcomes. null: it may also not happen. */
export type Call = readonly (Outcome | null)[];

/** What is seen of one operation. */
export type Seen = readonly Call[];

export interface Row {
  /** In docs/metrics.md. */
  readonly what: string;
  /** The kinds of test/fixtures/kinds.c that are counted as reads, and those that are as writes. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** The kinds are those of this architecture alone. */
  readonly x86?: true;
  /** What the operations are on, when it is not a plain file: see test/support/io-kinds.ts. */
  readonly file?: 'program' | 'outer file' | 'outer copy' | 'fifo' | 'device' | 'directory' | 'full disk';
  /** Tried on every kernel of the tests. */
  readonly isSpecial?: true;
  /** The program is told that its call failed. */
  readonly fails?: true;
  /** Where overlayfs' own functions are attached to, and what differed before a version of Linux. */
  readonly functions: Seen;
  readonly functionsBefore?: { readonly linux: string; readonly seen: Seen };
  /** Where system calls are. */
  readonly syscalls: Seen;
}

const NOTHING: Seen = [];
const SAMPLE: Seen = [['sample']];
const ERROR: Seen = [['error']];
const ZERO: Seen = [['zero']];
const SPLICE: Seen = [['splice']];
/** Some devices are done before the call is. */
const ASYNC: Seen = [['async', 'sample']];

/** Not to wait; what would have had to is done again by a worker. */
const FIRST_TRY: Call = ['async', null];

export const ROWS: readonly Row[] = [
  {
    what: '`read`, `pread64`, `readv`, `preadv`, `preadv2`, `write`, `pwrite64`, `writev`, `pwritev`, `pwritev2`',
    reads: ['read', 'pread64', 'readv', 'preadv', 'preadv2'],
    writes: ['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
    functions: SAMPLE,
    syscalls: SAMPLE,
  },
  {
    what: 'these with `O_DIRECT`, `O_SYNC`, `O_APPEND`',
    reads: ['read_direct'],
    writes: ['write_direct', 'write_sync', 'write_append'],
    functions: SAMPLE,
    syscalls: SAMPLE,
  },
  {
    what: 'these in a 32-bit program',
    reads: ['compat_read'],
    writes: ['compat_write'],
    x86: true,
    functions: SAMPLE,
    syscalls: SAMPLE,
  },
  {
    what: 'these on a file that was copied up when it was opened; the copy-up is counted apart',
    reads: ['copy_up'],
    writes: ['copy_up'],
    functions: SAMPLE,
    syscalls: SAMPLE,
  },
  {
    what: 'these with 0 bytes; a read at the end of the file',
    reads: ['read_nothing', 'read_at_end'],
    writes: ['write_nothing'],
    functions: ZERO,
    syscalls: ZERO,
  },
  {
    what: 'these with a bad address',
    reads: ['read_to_nowhere'],
    writes: ['write_from_nowhere'],
    fails: true,
    functions: ERROR,
    syscalls: ERROR,
  },
  {
    what: 'a write whose sync fails: with `O_SYNC`, or where the disk is mounted with `sync`',
    reads: [],
    writes: ['write', 'write_sync'],
    file: 'full disk',
    isSpecial: true,
    fails: true,
    functions: ERROR,
    syscalls: ERROR,
  },
  {
    what: 'these with `RWF_NOWAIT`, which overlayfs refuses, or on a file not opened for them',
    reads: ['read_nowait', 'read_of_write_only'],
    writes: ['write_nowait', 'write_of_read_only'],
    fails: true,
    functions: NOTHING,
    syscalls: ERROR,
  },
  {
    what: 'these on a FIFO on overlayfs',
    reads: ['write_and_read'],
    writes: ['write_and_read'],
    file: 'fifo',
    isSpecial: true,
    functions: NOTHING,
    syscalls: NOTHING,
  },
  {
    what: 'these on a device node on overlayfs',
    reads: ['write_and_read'],
    writes: ['write_and_read'],
    file: 'device',
    isSpecial: true,
    functions: NOTHING,
    syscalls: NOTHING,
  },
  {
    what: 'these on a directory, which cannot be read so',
    reads: ['read', 'pread64'],
    writes: ['write_of_read_only'],
    file: 'directory',
    isSpecial: true,
    fails: true,
    functions: NOTHING,
    syscalls: NOTHING,
  },
  {
    what: 'these on a socket with a file on overlayfs, on a pipe, on an eventfd',
    reads: ['socket', 'pipe', 'eventfd'],
    writes: ['socket', 'pipe', 'eventfd'],
    isSpecial: true,
    functions: NOTHING,
    syscalls: NOTHING,
  },
  {
    what: 'libaio and io_uring by the page cache',
    reads: ['libaio_read', 'io_uring_read'],
    writes: ['libaio_write', 'io_uring_write'],
    functions: SAMPLE,
    syscalls: NOTHING,
  },
  {
    what: 'io_uring reading what is not in the page cache',
    reads: ['io_uring_read_uncached'],
    writes: [],
    functions: SAMPLE,
    functionsBefore: { linux: '6.5', seen: [FIRST_TRY, ...SAMPLE] },
    syscalls: NOTHING,
  },
  {
    what: 'libaio with `O_DIRECT`',
    reads: ['libaio_read_direct'],
    writes: ['libaio_write_direct'],
    functions: ASYNC,
    syscalls: NOTHING,
  },
  {
    what: 'io_uring with `O_DIRECT`',
    reads: ['io_uring_read_direct'],
    writes: ['io_uring_write_direct'],
    functions: ASYNC,
    functionsBefore: { linux: '6.5', seen: [FIRST_TRY, ...ASYNC] },
    syscalls: NOTHING,
  },
  {
    what: '`sendfile` from a file, by the page',
    reads: ['sendfile_from'],
    writes: [],
    functions: SPLICE,
    functionsBefore: { linux: '6.5', seen: SAMPLE },
    syscalls: SPLICE,
  },
  {
    what: '`splice` from a file, by the page',
    reads: ['splice_from'],
    writes: [],
    functions: SPLICE,
    functionsBefore: { linux: '6.5', seen: SAMPLE },
    syscalls: NOTHING,
  },
  {
    what: '`sendfile` to a file',
    reads: [],
    writes: ['sendfile_to'],
    functions: SPLICE,
    syscalls: SPLICE,
  },
  {
    what: '`splice` to a file',
    reads: [],
    writes: ['splice_to'],
    functions: SPLICE,
    syscalls: NOTHING,
  },
  {
    what: '`copy_file_range`',
    reads: ['copy_file_range'],
    writes: [],
    functions: [['copy_range']],
    syscalls: [['copy_range']],
  },
  {
    what: '`mmap`',
    reads: ['mmap_read'],
    writes: ['mmap_write'],
    functions: NOTHING,
    syscalls: NOTHING,
  },
  {
    what: '`exec` of a static program',
    reads: ['exec'],
    writes: [],
    file: 'program',
    functions: [...SAMPLE, ...SAMPLE],
    syscalls: NOTHING,
  },
  {
    what: 'a read of a file whose lower layer is on overlayfs, too',
    reads: ['pread64'],
    writes: [],
    file: 'outer file',
    functions: [...SAMPLE, ...SAMPLE],
    syscalls: SAMPLE,
  },
  {
    what: 'a write to it; the upper layer cannot be on overlayfs',
    reads: [],
    writes: ['pwrite64'],
    file: 'outer copy',
    functions: SAMPLE,
    syscalls: SAMPLE,
  },
];

/** What is seen of one operation where the functions are attached to, on a kernel such as "6.12.1-cloud". */
export function seenByFunctions({ functions, functionsBefore }: Row, release: string): Seen {
  return functionsBefore && isBefore(release, functionsBefore.linux) ? functionsBefore.seen : functions;
}

/** Whether a kernel such as "6.12.1-cloud" is older than a version of Linux. */
export function isBefore(release: string, version: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const [sinceMajor = 0, sinceMinor = 0] = version.split('.').map(Number);
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor);
}
