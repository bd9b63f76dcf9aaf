/** The memory that a Floatie uses, without what it has not thrown away yet. */
import type { Floatie } from './floatie.ts';

/** The environment of a Floatie that is measured so. */
export const COLLECTS_GARBAGE = { NODE_OPTIONS: `--import=${new URL('collect-garbage.ts', import.meta.url)}` };

/** The least that is resident while garbage is collected again and again. */
export async function leastBytes(floatie: Floatie): Promise<number> {
  const bytes: number[] = [];
  while (bytes.length < 3) {
    floatie.process.kill('SIGUSR2');
    bytes.push((await floatie.scrape()).sum('process_resident_memory_bytes'));
  }
  return Math.min(...bytes);
}
