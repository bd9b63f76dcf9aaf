/** The small C programs that tests let do I/O, compiled when they are first asked for. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCES = new URL('../fixtures/', import.meta.url);
const CACHE = new URL('../../.cache/fixtures/', import.meta.url);

/** @returns the path of the program made of test/fixtures/NAME.c */
export function fixture(name: string, ...flags: string[]): string {
  const source = fileURLToPath(new URL(`${name}.c`, SOURCES));
  const program = fileURLToPath(new URL(name, CACHE));
  if (modified(program) < modified(source)) {
    mkdirSync(CACHE, { recursive: true });
    const fresh = `${program}.${process.pid}`;
    execFileSync('clang', ['-O2', '-Wall', '-Werror', '-pthread', '-o', fresh, source, ...flags]);
    renameSync(fresh, program);
  }
  return program;
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
