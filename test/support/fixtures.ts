/** Small C programs for tests, compiled on first use. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCES = new URL('../fixtures/', import.meta.url);
const CACHE = new URL('../../.cache/fixtures/', import.meta.url);

/** @returns the path of the program made of test/fixtures/NAME.c */
export function fixture(name: string, ...flags: string[]): string {
  return compile(`${name}.c`, name, ['-Wall', '-Werror', '-pthread', ...flags]);
}

/** @returns the path of the object made of test/fixtures/NAME.bpf.c */
export function bpfFixture(name: string): string {
  // Debian's folder for headers of one architecture.
  const include = `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  return compile(`${name}.bpf.c`, `${name}.bpf.o`, ['-g', '-target', 'bpf', '-mcpu=v2', '-idirafter', include, '-c']);
}

function compile(from: string, to: string, flags: readonly string[]): string {
  const source = fileURLToPath(new URL(from, SOURCES));
  const program = fileURLToPath(new URL(to, CACHE));
  if (modified(program) < modified(source)) {
    mkdirSync(CACHE, { recursive: true });
    const fresh = `${program}.${process.pid}`;
    execFileSync('clang', ['-O2', '-o', fresh, source, ...flags]);
    renameSync(fresh, program);
  }
  return program;
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
