/**
 * The C functions Floatie calls, one row each, under their prototypes; and the only place where ffi-rs is called.
 *
 * ffi-rs aborts the process on a type it cannot convert, so every argument is checked against its row first.
 */
import { types } from 'node:util';
import { DataType, isNullPointer, type JsExternal, load, open } from 'ffi-rs';
import { isSingle, withPackaged } from '../program/packaged.ts';
import { LibbpfError } from './errors.ts';

/** An address in C memory. Never leaves this folder. */
export type Pointer = JsExternal;

interface Kinds {
  pointer: Pointer;
  string: string;
  bytes: Buffer;
  key: Buffer | null;
  i32: number;
  u32: number;
  u64: number;
  bool: boolean;
  null: null;
}

type Kind = keyof Kinds;
type Result = 'pointer' | 'string' | 'i32' | 'i64' | 'void';

interface Row {
  readonly library: 'libbpf' | 'libc';
  /** The function's name in the library, where it differs from the row's. */
  readonly symbol?: string;
  readonly takes: readonly Kind[];
  readonly gives: Result;
}

export const functions = {
  // const char *libbpf_version_string(void)
  libbpf_version_string: { library: 'libbpf', takes: [], gives: 'string' },
  // int libbpf_num_possible_cpus(void)
  libbpf_num_possible_cpus: { library: 'libbpf', takes: [], gives: 'i32' },
  // libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t fn)
  libbpf_set_print: { library: 'libbpf', takes: ['null'], gives: 'pointer' },

  // struct bpf_object *bpf_object__open_file(const char *path, const struct bpf_object_open_opts *opts)
  bpf_object__open_file: { library: 'libbpf', takes: ['string', 'null'], gives: 'pointer' },
  // int bpf_object__load(struct bpf_object *obj)
  bpf_object__load: { library: 'libbpf', takes: ['pointer'], gives: 'i32' },
  // void bpf_object__close(struct bpf_object *obj)
  bpf_object__close: { library: 'libbpf', takes: ['pointer'], gives: 'void' },
  // struct bpf_map *bpf_object__find_map_by_name(const struct bpf_object *obj, const char *name)
  bpf_object__find_map_by_name: { library: 'libbpf', takes: ['pointer', 'string'], gives: 'pointer' },
  // struct bpf_program *bpf_object__find_program_by_name(const struct bpf_object *obj, const char *name)
  bpf_object__find_program_by_name: { library: 'libbpf', takes: ['pointer', 'string'], gives: 'pointer' },

  // int bpf_map__fd(const struct bpf_map *map)
  bpf_map__fd: { library: 'libbpf', takes: ['pointer'], gives: 'i32' },
  // int bpf_map__set_autocreate(struct bpf_map *map, bool autocreate)
  bpf_map__set_autocreate: { library: 'libbpf', takes: ['pointer', 'bool'], gives: 'i32' },
  // int bpf_map__reuse_fd(struct bpf_map *map, int fd)
  bpf_map__reuse_fd: { library: 'libbpf', takes: ['pointer', 'i32'], gives: 'i32' },
  // int bpf_map__set_initial_value(struct bpf_map *map, const void *data, size_t size)
  bpf_map__set_initial_value: { library: 'libbpf', takes: ['pointer', 'bytes', 'u64'], gives: 'i32' },
  // int bpf_map__set_max_entries(struct bpf_map *map, __u32 max_entries)
  bpf_map__set_max_entries: { library: 'libbpf', takes: ['pointer', 'u32'], gives: 'i32' },
  // int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
  bpf_map_update_elem: { library: 'libbpf', takes: ['i32', 'key', 'bytes', 'u64'], gives: 'i32' },
  // int bpf_map_delete_elem(int fd, const void *key)
  bpf_map_delete_elem: { library: 'libbpf', takes: ['i32', 'bytes'], gives: 'i32' },

  // int bpf_program__fd(const struct bpf_program *prog)
  bpf_program__fd: { library: 'libbpf', takes: ['pointer'], gives: 'i32' },
  // int bpf_program__set_autoload(struct bpf_program *prog, bool autoload)
  bpf_program__set_autoload: { library: 'libbpf', takes: ['pointer', 'bool'], gives: 'i32' },
  // int bpf_program__set_attach_target(struct bpf_program *prog, int attach_prog_fd, const char *attach_func_name)
  bpf_program__set_attach_target: { library: 'libbpf', takes: ['pointer', 'i32', 'string'], gives: 'i32' },
  // int bpf_program__set_log_buf(struct bpf_program *prog, char *log_buf, size_t log_size)
  bpf_program__set_log_buf: { library: 'libbpf', takes: ['pointer', 'bytes', 'u64'], gives: 'i32' },
  // struct bpf_link *bpf_program__attach(const struct bpf_program *prog)
  bpf_program__attach: { library: 'libbpf', takes: ['pointer'], gives: 'pointer' },
  // struct bpf_link *bpf_program__attach_tracepoint(const struct bpf_program *prog, const char *category, const char *name)
  bpf_program__attach_tracepoint: { library: 'libbpf', takes: ['pointer', 'string', 'string'], gives: 'pointer' },
  // int bpf_link__destroy(struct bpf_link *link)
  bpf_link__destroy: { library: 'libbpf', takes: ['pointer'], gives: 'i32' },
  // int bpf_obj_get_info_by_fd(int bpf_fd, void *info, __u32 *info_len)
  bpf_obj_get_info_by_fd: { library: 'libbpf', takes: ['i32', 'bytes', 'bytes'], gives: 'i32' },

  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset); as a number: failure is -1, not NULL
  mmap: { library: 'libc', takes: ['null', 'u64', 'i32', 'i32', 'i32', 'u64'], gives: 'i64' },
  // int open_by_handle_at(int mount_fd, struct file_handle *handle, int flags)
  open_by_handle_at: { library: 'libc', takes: ['i32', 'bytes', 'i32'], gives: 'i32' },
  // int inotify_init1(int flags)
  inotify_init1: { library: 'libc', takes: ['i32'], gives: 'i32' },
  // int inotify_add_watch(int fd, const char *pathname, uint32_t mask)
  inotify_add_watch: { library: 'libc', takes: ['i32', 'bytes', 'u32'], gives: 'i32' },
  // int eventfd(unsigned int initval, int flags)
  eventfd: { library: 'libc', takes: ['u32', 'i32'], gives: 'i32' },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout)
  poll: { library: 'libc', takes: ['bytes', 'u64', 'i32'], gives: 'i32' },
  // off_t lseek(int fd, off_t offset, int whence)
  lseek: { library: 'libc', takes: ['i32', 'u64', 'i32'], gives: 'i64' },
  // long sysconf(int name)
  sysconf: { library: 'libc', takes: ['i32'], gives: 'i64' },
  // ssize_t read(int fd, void *buf, size_t count)
  read: { library: 'libc', takes: ['i32', 'bytes', 'u64'], gives: 'i64' },
  // ssize_t write(int fd, const void *buf, size_t count)
  write: { library: 'libc', takes: ['i32', 'bytes', 'u64'], gives: 'i64' },
  // int mallopt(int param, int value)
  mallopt: { library: 'libc', takes: ['i32', 'i32'], gives: 'i32' },
  // int malloc_trim(size_t pad)
  malloc_trim: { library: 'libc', takes: ['u64'], gives: 'i32' },
  // int sched_getaffinity(pid_t pid, size_t cpusetsize, cpu_set_t *mask)
  sched_getaffinity: { library: 'libc', takes: ['i32', 'u64', 'bytes'], gives: 'i32' },
  // int sched_setaffinity(pid_t pid, size_t cpusetsize, const cpu_set_t *mask)
  sched_setaffinity: { library: 'libc', takes: ['i32', 'u64', 'bytes'], gives: 'i32' },

  // int socket(int domain, int type, int protocol)
  socket: { library: 'libc', takes: ['i32', 'i32', 'i32'], gives: 'i32' },
  // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen)
  sendto: { library: 'libc', takes: ['i32', 'bytes', 'u64', 'i32', 'bytes', 'u32'], gives: 'i64' },

  // FILE *fopen(const char *pathname, const char *mode)
  fopen: { library: 'libc', takes: ['string', 'string'], gives: 'pointer' },
  // int setvbuf(FILE *stream, char *buf, int mode, size_t size)
  setvbuf: { library: 'libc', takes: ['pointer', 'null', 'i32', 'u64'], gives: 'i32' },
  // char *fgets(char *s, int size, FILE *stream)
  fgets: { library: 'libc', takes: ['bytes', 'i32', 'pointer'], gives: 'pointer' },
  // void rewind(FILE *stream)
  rewind: { library: 'libc', takes: ['pointer'], gives: 'void' },
  // int fclose(FILE *stream)
  fclose: { library: 'libc', takes: ['pointer'], gives: 'i32' },

  // These have no function in glibc before 2.36, so they go through long syscall(long number, ...), number first.
  // int fsopen(const char *fsname, unsigned int flags)
  fsopen: { library: 'libc', symbol: 'syscall', takes: ['u64', 'string', 'u64'], gives: 'i64' },
  // int fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux) to set a key to a text
  fsconfig_set: {
    library: 'libc',
    symbol: 'syscall',
    takes: ['u64', 'u64', 'u64', 'string', 'string', 'u64'],
    gives: 'i64',
  },
  // the same to create the filesystem
  fsconfig_create: {
    library: 'libc',
    symbol: 'syscall',
    takes: ['u64', 'u64', 'u64', 'null', 'null', 'u64'],
    gives: 'i64',
  },
  // int fsmount(int fs_fd, unsigned int flags, unsigned int attr_flags)
  fsmount: { library: 'libc', symbol: 'syscall', takes: ['u64', 'u64', 'u64', 'u64'], gives: 'i64' },

  // void *memmove(void *dest, const void *src, size_t n); with n = 0 it turns an address into a pointer
  memmove: { library: 'libc', takes: ['u64', 'u64', 'u64'], gives: 'pointer' },
} as const satisfies Record<string, Row>;

export type FunctionName = keyof typeof functions;

type ArgumentsOf<K extends readonly Kind[]> = { -readonly [I in keyof K]: Kinds[K[I]] };
type Arguments<N extends FunctionName> = ArgumentsOf<(typeof functions)[N]['takes']>;

type Returned<N extends FunctionName> = {
  pointer: Pointer | null;
  string: string;
  i32: number;
  i64: number;
  void: undefined;
}[(typeof functions)[N]['gives']];

const paramTypes: Record<Kind, DataType> = {
  pointer: DataType.External,
  string: DataType.String,
  bytes: DataType.U8Array,
  key: DataType.U8Array,
  i32: DataType.I32,
  u32: DataType.U32,
  u64: DataType.I64, // ffi-rs reads an I64 from a JavaScript number exactly up to 2^53, which the check below demands
  bool: DataType.Boolean,
  null: DataType.I64, // NULL travels as the integer 0, here and as a key
};

const resultTypes: Record<Result, DataType> = {
  pointer: DataType.External,
  string: DataType.String,
  i32: DataType.I32,
  i64: DataType.I64,
  void: DataType.Void,
};

const accepts: Record<Kind, (value: unknown) => boolean> = {
  pointer: (value) => types.isExternal(value) && !isNullPointer(value as Pointer),
  string: (value) => typeof value === 'string' && !value.includes('\0'),
  // An empty buffer has no address to pass.
  bytes: (value) => Buffer.isBuffer(value) && value.byteLength > 0,
  key: (value) => value === null || accepts.bytes(value),
  i32: (value) => Number.isInteger(value) && (value as number) === ((value as number) | 0),
  u32: (value) => Number.isInteger(value) && (value as number) === (value as number) >>> 0,
  u64: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  bool: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};

const libraries = { libbpf: 'libbpf.so.1', libc: 'libc.so.6' } as const;
const opened = new Set<string>();

/** Opens the shared library of a function on its first call. Throws {@link LibbpfError} when it is missing or too old. */
function openLibrary(library: keyof typeof libraries): void {
  if (opened.has(library)) return;
  const path = libraries[library];
  try {
    // The single executable embeds a libbpf that needs nothing but libc.
    if (isSingle && library === 'libbpf') withPackaged(path, (file) => open({ library, path: file }));
    else open({ library, path });
  } catch (cause) {
    if (isSingle) throw new LibbpfError('EBADLIB', (cause as Error).message, { cause });
    const [, loader = ''] = /(?:error: ")?([^":\n]+: [^"\n]+)"?/.exec((cause as Error).message) ?? [];
    const isMissing = loader.startsWith(`${path}: cannot open`);
    const code =
      library === 'libbpf' && isMissing && isThere('libbpf.so.0') ? 'EOLDLIB' : isMissing ? 'ENOLIB' : 'EBADLIB';
    throw new LibbpfError(code, `Cannot open ${path}${code === 'EBADLIB' ? `: ${loader}` : ''}`, { cause });
  }
  opened.add(library);
}

function isThere(path: string): boolean {
  try {
    open({ library: path, path });
    return true;
  } catch {
    return false;
  }
}

/**
 * Calls a C function. Throws `TypeError` for an argument that does not fit its row, before C sees it.
 *
 * @returns the value (NULL as `null`), and errno, which is meaningful only when the value says failure
 */
export function call<N extends FunctionName>(name: N, ...args: Arguments<N>): Outcome<N> {
  return outcome(name, load(prepare(name, args)) as RawOutcome);
}

/** Calls a C function on a thread of Node's pool. The caller keeps the arguments alive until the promise resolves. */
export async function callOnThread<N extends FunctionName>(name: N, ...args: Arguments<N>): Promise<Outcome<N>> {
  return outcome(name, (await load({ ...prepare(name, args), runInNewThread: true })) as RawOutcome);
}

interface Outcome<N extends FunctionName> {
  readonly value: Returned<N>;
  readonly errno: number;
}

interface RawOutcome {
  readonly value: unknown;
  readonly errnoCode: number;
}

function prepare(name: FunctionName, given: readonly unknown[]) {
  const row: Row = functions[name];
  if (given.length !== row.takes.length) {
    throw new TypeError(`${name} takes ${row.takes.length} arguments, not ${given.length}`);
  }
  for (const [index, kind] of row.takes.entries()) {
    if (!accepts[kind](given[index])) throw new TypeError(`Argument ${index + 1} of ${name} is no ${kind}`);
  }
  openLibrary(row.library);
  return {
    library: row.library,
    funcName: row.symbol ?? name,
    retType: resultTypes[row.gives],
    paramsType: row.takes.map((kind, index) => (given[index] === null ? DataType.I64 : paramTypes[kind])),
    paramsValue: given.map((value) => value ?? 0),
    errno: true,
  };
}

function outcome<N extends FunctionName>(name: N, { value, errnoCode }: RawOutcome): Outcome<N> {
  const isNull = functions[name].gives === 'pointer' && isNullPointer(value as Pointer);
  return { value: (isNull ? null : value) as Returned<N>, errno: errnoCode };
}
