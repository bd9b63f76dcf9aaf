/** Which CPUs this process' threads run on. */
import { readdirSync } from 'node:fs';
import { call } from './functions.ts';

/** As many CPUs as Linux can have, in bytes of one bit each. */
const MASK_BYTES = 8192 / 8;

/**
 * Lets all threads but the main one share one CPU, until it is disposed of. What the kernel does not let happen does not.
 */
export function shareOneCpu(): Disposable {
  const threads = readdirSync('/proc/self/task')
    .map(Number)
    .filter((thread) => thread !== process.pid)
    .flatMap((thread) => {
      const mask = Buffer.alloc(MASK_BYTES);
      return call('sched_getaffinity', thread, MASK_BYTES, mask).value === 0 ? { thread, mask } : [];
    });
  for (const { thread, mask } of threads) call('sched_setaffinity', thread, MASK_BYTES, lowestBit(mask));
  return {
    [Symbol.dispose]() {
      for (const { thread, mask } of threads) call('sched_setaffinity', thread, MASK_BYTES, mask);
    },
  };
}

function lowestBit(mask: Buffer): Buffer {
  const at = mask.findIndex((byte) => byte !== 0);
  const lowest = Buffer.alloc(mask.length);
  const byte = mask[at] ?? 0;
  lowest[at] = byte & -byte;
  return lowest;
}
