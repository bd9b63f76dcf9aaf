/**
 * The operations in bpf/overlayfs.h are those of operations.ts, and the system calls in bpf/syscalls.h have the numbers that the kernel's headers give them, on every
 * architecture.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OPERATIONS } from '../../../src/receivers/overlayfs/operations.ts';
import { missing } from '../../support/requirements.ts';

const OPS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['read', 'pread64', 'readv', 'preadv', 'preadv2'].map((name) => [name, 'read'])),
  ...Object.fromEntries(['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'].map((name) => [name, 'write'])),
};

suite('the operations', { skip: missing('clang') }, () => {
  test('are the same on both sides, in the same order', () => {
    assert.deepEqual(
      tablesOf('x86').operations,
      OPERATIONS.map(({ op }) => nameInC(op)),
    );
  });

  test('that a system call tells are those that have one', () => {
    const told = new Set(Object.values(tablesOf('x86').native));
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
      assert.deepEqual(tablesOf(target)[table], numbersIn(readFileSync(header, 'utf8')));
    });
  }
});

interface Tables {
  readonly operations: readonly string[];
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

/** Of lines such as `#define __NR_read 63` and `#define __NR_read (__NR_SYSCALL_BASE + 3)`. */
function numbersIn(header: string): Record<string, string> {
  const lines = header.matchAll(/^#define __NR_(\w+)\s+(?:\(__NR_SYSCALL_BASE ?\+ ?)?(\d+)\)?$/gm);
  const numbers = Array.from(lines, ([, name = '', number = '']) => [number, OPS[name]] as const);
  return Object.fromEntries(numbers.flatMap(([number, op]) => (op === undefined ? [] : [[number, nameInC(op)]])));
}
