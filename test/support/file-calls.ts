/** The system calls of x86-64 that wait for files, and which operation of Floatie each of them is. */

/** How a call names its file, and where the observer (waits.bt) has looked for it. */
type Naming = 'descriptor' | 'opened' | 'path' | 'at';

interface FileCall {
  readonly name: string;
  readonly naming: Naming;
  readonly op: string;
}

/** Calls of one kind, by their numbers. */
const TABLE: readonly (readonly [naming: Naming, op: string, calls: Readonly<Record<number, string>>])[] = [
  ['descriptor', 'read', { 0: 'read', 17: 'pread64', 19: 'readv', 295: 'preadv', 327: 'preadv2' }],
  ['descriptor', 'write', { 1: 'write', 18: 'pwrite64', 20: 'writev', 296: 'pwritev', 328: 'pwritev2' }],
  ['descriptor', 'splice', { 40: 'sendfile', 275: 'splice' }],
  ['descriptor', 'copy_range', { 326: 'copy_file_range' }],
  ['descriptor', 'sync', { 74: 'fsync', 75: 'fdatasync', 306: 'syncfs' }],
  ['descriptor', 'sync_file_range', { 277: 'sync_file_range' }],
  ['opened', 'open', { 2: 'open', 85: 'creat', 257: 'openat', 437: 'openat2' }],
  ['descriptor', 'stat', { 5: 'fstat' }],
  ['path', 'stat', { 4: 'stat', 6: 'lstat' }],
  ['at', 'stat', { 262: 'newfstatat', 332: 'statx' }],
  ['descriptor', 'readdir', { 78: 'getdents', 217: 'getdents64' }],
  ['path', 'create', { 83: 'mkdir', 86: 'link', 88: 'symlink', 133: 'mknod' }],
  ['at', 'create', { 258: 'mkdirat', 259: 'mknodat', 265: 'linkat' }],
  ['path', 'create', { 266: 'symlinkat' }],
  ['path', 'remove', { 84: 'rmdir', 87: 'unlink' }],
  ['at', 'remove', { 263: 'unlinkat' }],
  ['path', 'rename', { 82: 'rename' }],
  ['at', 'rename', { 264: 'renameat', 316: 'renameat2' }],
  ['descriptor', 'setattr', { 77: 'ftruncate', 91: 'fchmod', 93: 'fchown' }],
  ['path', 'setattr', { 76: 'truncate', 90: 'chmod', 92: 'chown', 94: 'lchown', 132: 'utime', 235: 'utimes' }],
  ['at', 'setattr', { 260: 'fchownat', 261: 'futimesat', 268: 'fchmodat', 280: 'utimensat', 452: 'fchmodat2' }],
  ['descriptor', 'allocate', { 285: 'fallocate' }],
  ['descriptor', 'flush', { 3: 'close' }],
  ['path', 'exec', { 59: 'execve' }],
  ['path', 'access', { 21: 'access' }],
  ['at', 'access', { 269: 'faccessat', 439: 'faccessat2' }],
  ['path', 'readlink', { 89: 'readlink' }],
  ['at', 'readlink', { 267: 'readlinkat' }],
  ['path', 'xattr', { 188: 'setxattr', 189: 'lsetxattr', 191: 'getxattr', 192: 'lgetxattr', 194: 'listxattr' }],
  ['path', 'xattr', { 195: 'llistxattr', 197: 'removexattr', 198: 'lremovexattr' }],
  ['descriptor', 'xattr', { 190: 'fsetxattr', 193: 'fgetxattr', 196: 'flistxattr', 199: 'fremovexattr' }],
];

const CALLS = new Map<number, FileCall>(
  TABLE.flatMap(([naming, op, calls]) =>
    Object.entries(calls).map(([nr, name]): [number, FileCall] => [Number(nr), { name, naming, op }]),
  ),
);

/** What a program asked of a file, with the place and the form that the file was named in. */
export interface NamedCall {
  readonly name: string;
  readonly op: string;
  readonly isOnOverlayfs: boolean;
  /** `entry` is a relative path, `empty` a path that stands for the descriptor. */
  readonly form: 'descriptor' | 'entry' | 'absolute' | 'empty';
}

const FORMS = ['empty', 'entry', 'absolute', 'absolute'] as const;
const OVERLAYFS = 1;
const KERNELS_OWN = 3;

/**
 * @param names as in waits.bt: the places of the first argument as a descriptor and of the working directory, and what
 *   the first two arguments are as paths
 * @returns null for what is no call of a file
 */
export function nameCall(nr: number, names: number): NamedCall | null {
  const call = CALLS.get(nr);
  if (call === undefined) return null;
  const [place = 0, work = 0, first = 0, second = 0] = [1000, 100, 10, 1].map((unit) => Math.floor(names / unit) % 10);
  const { name, op, naming } = call;
  if (naming === 'descriptor' || (naming === 'opened' && work === 0)) {
    return place === 0 ? null : { name, op, isOnOverlayfs: place === OVERLAYFS, form: 'descriptor' };
  }
  // Of symlink the first argument is what the link says.
  const path = naming === 'at' || name.startsWith('openat') || name === 'symlink' ? second : first;
  const form = FORMS[path] ?? 'empty';
  const base = naming === 'at' && place !== 0 ? place : work;
  const isOnOverlayfs = form === 'absolute' ? path !== KERNELS_OWN : base === OVERLAYFS;
  return { name, op, isOnOverlayfs, form };
}

/** Whether Floatie shows the call on system calls, where it is of overlayfs and succeeds. */
export function isFollowed({ op, form, name }: NamedCall): boolean {
  if (form === 'descriptor') return !UNFOLLOWED.has(op);
  if (form === 'empty') return op === 'stat' || op === 'setattr';
  return form === 'entry' && (ENTRIES.has(op) || name === 'fchownat') && name !== 'linkat' && name !== 'link';
}

/** Operations on a name below the directory of a descriptor or the working directory. */
const ENTRIES = new Set(['create', 'remove', 'rename']);
const UNFOLLOWED = new Set(['sync_file_range', 'xattr', 'flush']);
