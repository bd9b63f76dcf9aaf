/**
 * The operations in bpf/overlayfs.h are those of operations.ts, and the system calls in bpf/syscalls.h have the numbers that the kernel's headers give them, on every
 * architecture.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERROR_TYPES, OPERATIONS } from '../../../src/receivers/overlayfs/operations.ts';
import { missing } from '../../support/requirements.ts';

const CALLS: Readonly<Record<string, readonly string[]>> = {
  read: ['read', 'pread64', 'readv', 'preadv', 'preadv2'],
  write: ['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
  splice: ['sendfile', 'sendfile64', 'splice'],
  copy_range: ['copy_file_range'],
  sync: ['fsync', 'fdatasync', 'syncfs'],
  open: ['open', 'openat', 'openat2', 'creat', 'open_by_handle_at'],
  stat: ['fstat', 'fstat64', 'statx', 'newfstatat', 'fstatat64'],
  readdir: ['getdents', 'getdents64'],
  create: ['mkdir', 'mkdirat', 'mknod', 'mknodat', 'symlink', 'symlinkat', 'link', 'linkat'],
  remove: ['unlink', 'unlinkat', 'rmdir'],
  rename: ['rename', 'renameat', 'renameat2'],
  setattr: [
    ...['fchmod', 'fchmodat2', 'fchown', 'fchown32', 'fchownat'],
    ...['utimensat', 'utimensat_time64', 'ftruncate', 'ftruncate64'],
  ],
  allocate: ['fallocate'],
};

const OPS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(CALLS).flatMap(([op, names]) => names.map((name) => [name, op])),
);

suite('the operations', { skip: missing('clang') }, () => {
  test('are the same on both sides, in the same order', () => {
    assert.deepEqual(
      tablesOf('x86').operations,
      OPERATIONS.map(({ op }) => nameInC(op)),
    );
  });

  test('are done by the same functions on both sides, besides reads, writes and copy-up', () => {
    const rows = OPERATIONS.filter(({ op, isRequired }) => !isRequired && !op.startsWith('copy_up_'));
    const expected = rows.flatMap(({ op, functions }) => functions.map((name) => [name, nameInC(op)]));
    assert.deepEqual(tablesOf('x86').functions, Object.fromEntries(expected));
  });

  test('fail by the same types of errors on both sides, in the same order', () => {
    assert.deepEqual([...tablesOf('x86').errors, 'other'], ERROR_TYPES);
  });

  test('that a system call tells are those that have one, and copies that are inferred from opens', () => {
    const told = new Set([...Object.values(tablesOf('x86').native), 'OP_COPY_UP_INFERRED']);
    const expected = OPERATIONS.filter(({ isOnSyscalls }) => isOnSyscalls).map(({ op }) => nameInC(op));
    assert.deepEqual([...told].sort(), expected.sort());
  });
});

suite('the numbers of system calls', () => {
  for (const { abi, target, table, header } of [
    { abi: 'x86-64', target: 'x86', table: 'native', header: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h' },
    { abi: 'i386', target: 'x86', table: 'compat', header: '/usr/include/x86_64-linux-gnu/asm/unistd_32.h' },
    { abi: 'arm64', target: 'arm64', table: 'native', header: '/usr/include/asm-generic/unistd.h' },
    { abi: 'arm', target: 'arm64', table: 'compat', header: '/usr/arm-linux-gnueabihf/include/asm/unistd-eabi.h' },
  ] as const) {
    test(`on ${abi} are those of the kernel, and no others`, {
      skip: existsSync(header) ? false : `this machine lacks ${header}`,
    }, () => {
      const { numbers, highest } = numbersIn(header);
      // This machine's headers may be older than the newest calls.
      const known = Object.entries(tablesOf(target)[table]).filter(([number]) => Number(number) <= highest);
      assert.deepEqual(Object.fromEntries(known), numbers);
    });
  }
});

interface Tables {
  readonly operations: readonly string[];
  readonly errors: readonly string[];
  /** The operation of each function. */
  readonly functions: Readonly<Record<string, string>>;
  readonly native: Readonly<Record<string, string>>;
  readonly compat: Readonly<Record<string, string>>;
}

function nameInC(op: string): string {
  return `OP_${op.toUpperCase()}`;
}

function tablesOf(target: string): Tables {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-syscalls-'));
  try {
    const source = fileURLToPath(new URL('../../fixtures/syscalls.c', import.meta.url));
    const program = join(folder, 'syscalls');
    const flags = ['-O1', '-Wall', '-Wno-unused-function', '-Werror', `-D__TARGET_ARCH_${target}`];
    execFileSync('clang', [...flags, '-o', program, source]);
    return JSON.parse(execFileSync(program, { encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The numbers of the followed calls, and the highest number of all calls. */
function numbersIn(header: string): { readonly numbers: Record<string, string>; readonly highest: number } {
  // As for arm64, which has these calls of the generic table.
  const wanted = ['-D__ARCH_WANT_RENAMEAT', '-D__ARCH_WANT_NEW_STAT', '-D__NR_SYSCALL_BASE=0'];
  const macros = execFileSync('clang', ['-E', '-dM', ...wanted, header], { encoding: 'utf8' });
  const values = new Map(
    Array.from(
      macros.matchAll(/^#define (__NR\w+) (?:\(__NR_SYSCALL_BASE ?\+ ?)?(\w+)\)?$/gm),
      ([, name = '', value = '']) => [name, value],
    ),
  );
  // Such as __NR_fstat, which is __NR3264_fstat.
  const numberOf = (value: string): number => Number(values.get(value) ?? value);
  const calls = Array.from(values, ([name, value]) => ({
    op: OPS[name.slice('__NR_'.length)],
    number: numberOf(value),
  }));
  return {
    numbers: Object.fromEntries(calls.flatMap(({ op, number }) => (op === undefined ? [] : [[number, nameInC(op)]]))),
    highest: Math.max(...calls.map(({ number }) => number).filter(Number.isFinite)),
  };
}
