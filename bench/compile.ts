/** Compiles the C sources of this folder into the cache. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './program.ts';

const SOURCES = import.meta.dirname;
/** What is made for the benchmarks, and kept. */
export const CACHE = join(SOURCES, '../.cache/bench');

const [machine, target] = process.arch === 'arm64' ? ['aarch64', 'arm64'] : ['x86_64', 'x86'];

/** @returns the path of the executable */
export function compileProgram(name: string): Promise<string> {
  return compile(`${name}.c`, name, ['-O2', '-Wall', '-Werror']);
}

/** @returns the path of the BPF object */
export function compileBpf(name: string): Promise<string> {
  const headers = ['-idirafter', `/usr/include/${machine}-linux-gnu`];
  const options = ['-O2', '-g', '-target', 'bpf', '-mcpu=v2', `-D__TARGET_ARCH_${target}`, ...headers, '-c'];
  return compile(`${name}.bpf.c`, `${name}.bpf.o`, options);
}

async function compile(source: string, output: string, options: readonly string[]): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const path = join(CACHE, output);
  await run('clang', ...options, join(SOURCES, source), '-o', path);
  return path;
}
