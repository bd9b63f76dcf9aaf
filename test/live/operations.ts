/**
 * What is counted of each operation on overlayfs, by where Floatie is attached. kernel/operations.test.ts tries all of
 * them on every kernel, scripts/operations-table.ts writes the table into docs/kernels.md.
 */
import type { ERROR_TYPES, Op } from '../../src/receivers/overlayfs/operations.ts';
import { isBefore } from './io-kinds.ts';

/** A sample of an operation, one of its errors, or one that is neither: it moved nothing, or asked and was answered. */
export type Count = Op | `${Op} ${(typeof ERROR_TYPES)[number]}` | `${Op} answer`;

/** What is counted of one call. */
export type Seen = Partial<Record<Count, number>>;

export interface Row {
  /** In docs/kernels.md. */
  readonly what: string;
  /** Kinds of test/fixtures/ops.c. */
  readonly kinds: readonly string[];
  /** What the files are on, when it is not the upper layer of an overlay: see test/support/operations.ts. */
  readonly on?: Place;
  /** What every call returns, by errno. */
  readonly fails?: string;
  /** Where overlayfs' own functions are attached to, and what differed up to a version of Linux. */
  readonly functions: Seen;
  readonly functionsUpTo?: { readonly linux: '5.10' | '6.1'; readonly seen: Seen; readonly fails?: string };
  /** Where system calls are. */
  readonly syscalls: Seen;
}

export const PLACES = ['upper', 'lower', 'outer', 'read-only', 'full', 'elsewhere'] as const;
export type Place = (typeof PLACES)[number];

const NOTHING: Seen = {};

const same = (seen: Seen): Pick<Row, 'functions' | 'syscalls'> => ({ functions: seen, syscalls: seen });

/** Where there is no `ovl_flush`. */
const withoutFlush = ({ flush: _, ...seen }: Seen) => ({ linux: '5.10', seen }) as const;

const OPENED: Seen = { open: 1, flush: 1 };
const CREATED: Seen = { lookup: 1, create: 1, open: 1, flush: 1 };

export const ROWS: readonly Row[] = [
  { what: '`pread64`', kinds: ['read'], ...same({ read: 1 }) },
  { what: '`pwrite64`', kinds: ['write', 'write_more'], ...same({ write: 1 }) },
  {
    what: '`splice` to a pipe, `sendfile` to a socket',
    kinds: ['splice_from', 'sendfile_from'],
    functions: { splice: 1 },
    functionsUpTo: { linux: '6.1', seen: { read: 1 } },
    syscalls: NOTHING,
  },
  { what: '`splice` from a pipe', kinds: ['splice_to'], functions: { splice: 1 }, syscalls: NOTHING },
  { what: '`sendfile` to a file', kinds: ['sendfile_to'], ...same({ splice: 1 }) },
  { what: '`copy_file_range`', kinds: ['copy_range'], ...same({ copy_range: 1 }) },
  {
    what: '`ioctl(FICLONERANGE)`, where the disk has no reflinks',
    kinds: ['clone_range'],
    fails: 'EOPNOTSUPP',
    functions: { 'copy_range other': 1 },
    syscalls: NOTHING,
  },
  { what: '`sync_file_range`', kinds: ['sync_file_range'], ...same(NOTHING) },
  { what: '`fsync`, `fdatasync`', kinds: ['fsync', 'fdatasync'], ...same({ sync: 1 }) },
  { what: '`pwrite64` and `fsync`', kinds: ['dirty_fsync'], ...same({ write: 1, sync: 1 }) },
  { what: '`syncfs`', kinds: ['syncfs'], ...same({ sync: 1 }) },
  { what: '`fsync` of a directory', kinds: ['fsync_dir'], ...same({ sync: 1 }) },
  {
    what: '`open`, `openat`, `openat2`, and `close`',
    kinds: ['open', 'openat', 'openat2', 'open_create_old', 'open_to_write'],
    functions: OPENED,
    functionsUpTo: withoutFlush(OPENED),
    syscalls: { open: 1 },
  },
  {
    what: '`openat(O_CREAT)` of a new file, and `close`',
    kinds: ['open_create'],
    functions: CREATED,
    functionsUpTo: withoutFlush(CREATED),
    syscalls: { open: 1 },
  },
  {
    what: '`openat(O_TRUNC)`, and `close`',
    kinds: ['open_trunc'],
    functions: { ...OPENED, setattr: 1 },
    functionsUpTo: withoutFlush({ ...OPENED, setattr: 1 }),
    syscalls: { open: 1 },
  },
  {
    what: '`openat(O_TMPFILE)`, and `close`',
    kinds: ['tmpfile'],
    functions: { create: 1, flush: 1 },
    functionsUpTo: { linux: '6.1', seen: NOTHING, fails: 'EOPNOTSUPP' },
    syscalls: { open: 1 },
  },
  { what: '`openat` of a directory', kinds: ['open_dir'], ...same({ open: 1 }) },
  { what: '`openat(O_PATH)`', kinds: ['open_path'], ...same(NOTHING) },
  { what: '`openat` of what is not there', kinds: ['open_missing'], fails: 'ENOENT', ...same(NOTHING) },
  { what: '`openat(O_EXCL)` of what is there', kinds: ['open_excl_old'], fails: 'EEXIST', ...same(NOTHING) },
  { what: '`openat` of a name below a file', kinds: ['open_below_file'], fails: 'ENOTDIR', ...same(NOTHING) },
  { what: '`openat(O_WRONLY)` of a directory', kinds: ['open_dir_to_write'], fails: 'EISDIR', ...same(NOTHING) },
  { what: '`openat` of a file of another user', kinds: ['open_denied'], fails: 'EACCES', ...same(NOTHING) },
  {
    what: '`fstat`, `statx` and `newfstatat` of a descriptor',
    kinds: ['fstat', 'statx_fd', 'fstatat_dir'],
    ...same({ stat: 1 }),
  },
  {
    what: '`statx(AT_SYMLINK_NOFOLLOW)` of a name in a directory',
    kinds: ['statx_at'],
    ...same({ stat: 1 }),
  },
  { what: '`stat` of a path', kinds: ['stat_path'], functions: { stat: 1 }, syscalls: NOTHING },
  {
    what: '`newfstatat(AT_SYMLINK_NOFOLLOW)` of a name in a directory, looked up for the first time',
    kinds: ['stat_fresh'],
    on: 'lower',
    functions: { lookup: 1, stat: 1 },
    syscalls: { stat: 1 },
  },
  {
    what: '`newfstatat` of what is not there, for the first time',
    kinds: ['stat_missing'],
    fails: 'ENOENT',
    functions: { lookup: 1 },
    syscalls: { 'stat answer': 1 },
  },
  { what: '`faccessat`, `readlinkat`', kinds: ['access', 'readlink'], ...same(NOTHING) },
  { what: '`fgetxattr`', kinds: ['getxattr'], fails: 'ENODATA', ...same(NOTHING) },
  { what: '`getdents64`, once for entries and once for their end', kinds: ['getdents'], ...same({ readdir: 2 }) },
  {
    what: '`mkdirat`, `mknodat`, `symlinkat` of a name in a directory',
    kinds: ['mkdir_at', 'mknod_file', 'mknod_fifo', 'symlink_at'],
    functions: { lookup: 1, create: 1 },
    syscalls: { create: 1 },
  },
  {
    what: '`linkat` of a name in a directory',
    kinds: ['link_at'],
    functions: { lookup: 1, create: 1 },
    syscalls: { create: 1 },
  },
  {
    what: '`mkdirat` of a path, `bind` of a socket',
    kinds: ['mkdir_path', 'bind'],
    functions: { lookup: 1, create: 1 },
    syscalls: NOTHING,
  },
  {
    what: '`mkdirat` of what is there',
    kinds: ['mkdir_old'],
    fails: 'EEXIST',
    functions: NOTHING,
    syscalls: { 'create answer': 1 },
  },
  {
    what: "`mkdirat` in another user's directory",
    kinds: ['mkdir_denied'],
    fails: 'EACCES',
    functions: { lookup: 1 },
    syscalls: { 'create EACCES': 1 },
  },
  {
    what: '`unlinkat` of a name in a directory, also the working directory; `rmdir` so',
    kinds: ['unlink_at', 'unlink_here', 'rmdir_at'],
    ...same({ remove: 1 }),
  },
  { what: '`unlinkat` of a path', kinds: ['unlink_path'], functions: { remove: 1 }, syscalls: NOTHING },
  {
    what: '`unlinkat` of a file of the lower layer, looked up for the first time',
    kinds: ['unlink_at'],
    on: 'lower',
    functions: { lookup: 1, remove: 1 },
    syscalls: { remove: 1 },
  },
  {
    what: '`unlinkat` of what is not there',
    kinds: ['unlink_missing'],
    fails: 'ENOENT',
    functions: NOTHING,
    syscalls: { 'remove answer': 1 },
  },
  {
    what: '`unlinkat` of a directory',
    kinds: ['unlink_dir'],
    fails: 'EISDIR',
    functions: NOTHING,
    syscalls: { 'remove other': 1 },
  },
  {
    what: '`rmdir` of a file',
    kinds: ['rmdir_file'],
    fails: 'ENOTDIR',
    functions: NOTHING,
    syscalls: { 'remove answer': 1 },
  },
  {
    what: "`unlinkat` in another user's directory",
    kinds: ['unlink_denied'],
    fails: 'EACCES',
    functions: NOTHING,
    syscalls: { 'remove EACCES': 1 },
  },
  {
    what: '`rmdir` of a directory with entries',
    kinds: ['rmdir_full'],
    fails: 'ENOTEMPTY',
    ...same({ 'remove other': 1 }),
  },
  {
    what: '`renameat2` of names in a directory',
    kinds: ['rename_at'],
    functions: { lookup: 1, rename: 1 },
    syscalls: { rename: 1 },
  },
  { what: '`renameat2` over a file, `RENAME_EXCHANGE`', kinds: ['rename_over', 'exchange'], ...same({ rename: 1 }) },
  { what: '`renameat2` of paths', kinds: ['rename_path'], functions: { lookup: 1, rename: 1 }, syscalls: NOTHING },
  {
    what: '`RENAME_NOREPLACE` over a file',
    kinds: ['rename_noreplace'],
    fails: 'EEXIST',
    functions: NOTHING,
    syscalls: { 'rename answer': 1 },
  },
  {
    what: '`renameat2` of what is not there',
    kinds: ['rename_missing'],
    fails: 'ENOENT',
    functions: NOTHING,
    syscalls: { 'rename answer': 1 },
  },
  {
    what: '`fchmod`, `fchown`, `ftruncate`, `futimens`; `fchownat(AT_EMPTY_PATH)`',
    kinds: ['fchmod', 'fchown', 'ftruncate', 'futimens', 'chown_empty'],
    ...same({ setattr: 1 }),
  },
  { what: '`fchownat(AT_SYMLINK_NOFOLLOW)` of a name in a directory', kinds: ['chown_at'], ...same({ setattr: 1 }) },
  {
    what: '`chmod`, `chown`, `truncate`, `utimensat` of a path',
    kinds: ['chmod_path', 'chown_path', 'truncate_path', 'utimens_path'],
    functions: { setattr: 1 },
    syscalls: NOTHING,
  },
  {
    what: '`fchmod` of a file of another user',
    kinds: ['fchmod_denied'],
    fails: 'EPERM',
    ...same({ 'setattr EPERM': 1 }),
  },
  { what: '`fsetxattr`', kinds: ['setxattr'], ...same(NOTHING) },
  { what: '`fallocate`', kinds: ['fallocate', 'punch_hole'], ...same({ allocate: 1 }) },
  {
    what: '`fallocate` of more than the disk has',
    kinds: ['fallocate_much'],
    on: 'full',
    fails: 'ENOSPC',
    ...same({ 'allocate ENOSPC': 1 }),
  },
  {
    what: '`pwrite64` on a full disk',
    kinds: ['write_more'],
    on: 'full',
    fails: 'ENOSPC',
    ...same({ 'write ENOSPC': 1 }),
  },
  {
    what: '`mkdirat` on a full disk',
    kinds: ['mkdir_at'],
    on: 'full',
    fails: 'ENOSPC',
    functions: { lookup: 1, 'create ENOSPC': 1 },
    syscalls: { 'create ENOSPC': 1 },
  },
  {
    what: '`openat(O_WRONLY)` on an overlay without an upper layer',
    kinds: ['open_to_write'],
    on: 'read-only',
    fails: 'EROFS',
    ...same(NOTHING),
  },
  {
    what: '`mkdirat` there',
    kinds: ['mkdir_at'],
    on: 'read-only',
    fails: 'EROFS',
    functions: { lookup: 1 },
    syscalls: { 'create EROFS': 1 },
  },
  {
    what: '`unlinkat`, of a name that is looked up for the first time',
    kinds: ['unlink_at'],
    on: 'read-only',
    fails: 'EROFS',
    functions: NOTHING,
    syscalls: { 'remove EROFS': 1 },
  },
  {
    what: '`fchmod` there',
    kinds: ['fchmod'],
    on: 'read-only',
    fails: 'EROFS',
    functions: NOTHING,
    syscalls: { 'setattr EROFS': 1 },
  },
  {
    what: '`pread64` of a file whose lower layer is on overlayfs, too',
    kinds: ['read'],
    on: 'outer',
    functions: { read: 2 },
    syscalls: { read: 1 },
  },
  {
    what: '`openat` of such a file, and `close`',
    kinds: ['open'],
    on: 'outer',
    functions: { open: 2, flush: 2 },
    functionsUpTo: { linux: '5.10', seen: { open: 2 } },
    syscalls: { open: 1 },
  },
  { what: '`fstat` of such a file', kinds: ['fstat'], on: 'outer', functions: { stat: 2 }, syscalls: { stat: 1 } },
  {
    what: '`newfstatat` of such a file, looked up for the first time',
    kinds: ['stat_fresh'],
    on: 'outer',
    functions: { lookup: 2, stat: 2 },
    syscalls: { stat: 1 },
  },
  {
    what: '`read` and `write` of a FIFO and of a socket',
    kinds: ['fifo', 'socket'],
    ...same(NOTHING),
  },
  {
    what: 'all of these on other filesystems',
    kinds: [
      'read',
      'write',
      'sendfile_from',
      'sendfile_to',
      'copy_range',
      'fsync',
      'fdatasync',
      'syncfs',
      'fsync_dir',
      'open',
      'openat2',
      'open_create',
      'open_trunc',
      'tmpfile',
      'open_dir',
      'fstat',
      'statx_fd',
      'stat_path',
      'getdents',
      'mkdir_at',
      'mknod_fifo',
      'symlink_at',
      'link_at',
      'unlink_at',
      'unlink_here',
      'rmdir_at',
      'rename_at',
      'fchmod',
      'fchown',
      'chown_at',
      'ftruncate',
      'futimens',
      'fallocate',
    ],
    on: 'elsewhere',
    ...same(NOTHING),
  },
];

/** What a row says of a kernel such as "6.12.1-cloud", by whether overlayfs' functions are attached to. */
export function expected(row: Row, release: string, isOnFunctions: boolean): { seen: Seen; fails: string | undefined } {
  const { functions, functionsUpTo, syscalls } = row;
  const isEarlier = functionsUpTo !== undefined && isBefore(release, functionsUpTo.linux === '5.10' ? '5.11' : '6.2');
  const earlier = isEarlier ? functionsUpTo : null;
  const fails = earlier?.fails ?? row.fails;
  if (isOnFunctions) return { seen: earlier?.seen ?? functions, fails };
  // A failed open returns no descriptor.
  return { seen: earlier?.fails === undefined ? syscalls : NOTHING, fails };
}
