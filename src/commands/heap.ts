/** How V8 manages its memory: settings that were measured to help. docs/decisions.md has the figures. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** From this size on a heap is large, in bytes, and below the other one it is small again. */
const [LARGE_BYTES, SMALL_BYTES] = [64 << 20, 48 << 20];

let isSpared = false;

/** Call before anything is imported that takes memory. */
export function spareMemory(): void {
  // Allocations of a scrape are short-lived: a growing young generation costs 9 MB and saves nothing.
  setFlagsFromString('--semi-space-growth-factor=1');
  // While V8 looks for garbage in all of the memory, the young generation would grow to 16 MB all the same.
  setFlagsFromString('--no-separate-gc-phases');
  suitHeap(0);
}

/**
 * Call now and then. A third less memory for a tenth more CPU time of a scrape, as long as the heap is small; with a
 * large one V8 would go through all of it for each MB of garbage.
 */
export function suitHeap(bytes = getHeapStatistics().used_heap_size): void {
  const isSmall = bytes < (isSpared ? LARGE_BYTES : SMALL_BYTES);
  if (isSmall === isSpared) return;
  isSpared = isSmall;
  setFlagsFromString(isSmall ? '--optimize-for-size' : '--no-optimize-for-size');
}
