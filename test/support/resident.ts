/** Floatie's resident memory without garbage. */
import type { Floatie } from './floatie.ts';

/** The environment that such a Floatie needs. */
export const COLLECTS_GARBAGE = { NODE_OPTIONS: `--import=${new URL('collect-garbage.ts', import.meta.url)}` };

/** The minimum of resident memory over repeated garbage collections. */
export async function leastBytes(floatie: Floatie): Promise<number> {
  const bytes: number[] = [];
  while (bytes.length < 3) {
    floatie.process.kill('SIGUSR2');
    bytes.push((await floatie.scrape()).sum('process_resident_memory_bytes'));
  }
  return Math.min(...bytes);
}
