/** The CPU affinity of this process's threads. */
import { readdirSync } from 'node:fs';
import { readOrNull } from '../../program/read-or-null.ts';
import { call } from '../functions.ts';

/** The size of a mask for the 8192 CPUs that Linux can have. */
const MASK_BYTES = 8192 / 8;

/** libuv names the threads of Node's pool since 1.50 (Node 24; 22.15 has 1.49). */
const POOL = 'libuv-worker';

/**
 * Moves the threads of Node's pool to one CPU until the result is disposed of; where the pool's threads have no name,
 * all threads but the main one. Errors are ignored. A thread inherits its parent's affinity for good, so threads that
 * start meanwhile get their parents' previous affinity back. Other threads are left alone: they may start processes,
 * which would keep the affinity.
 */
export function shareOneCpu(): Disposable {
  const before = threads();
  const pool = before.filter((thread) => readOrNull(`/proc/self/task/${thread}/comm`)?.trim() === POOL);
  const confined = (pool.length > 0 ? pool : before.filter((thread) => thread !== process.pid)).flatMap((thread) => {
    const mask = maskOf(thread);
    return mask === null || lowestBit(mask).equals(mask) ? [] : [{ thread, mask }];
  });
  for (const { thread, mask } of confined) setMask(thread, lowestBit(mask));
  return {
    [Symbol.dispose]() {
      for (const { thread, mask } of confined) setMask(thread, mask);
      const known = new Set(before);
      for (let born = threads().filter((thread) => !known.has(thread)); born.length > 0; ) {
        for (const thread of born) {
          known.add(thread);
          const mask = maskOf(thread);
          const parent = confined.find((each) => mask !== null && lowestBit(each.mask).equals(mask));
          if (parent !== undefined) setMask(thread, parent.mask);
        }
        // A thread may have started another one before its own mask was restored.
        born = threads().filter((thread) => !known.has(thread));
      }
    },
  };
}

function threads(): number[] {
  return readdirSync('/proc/self/task').map(Number);
}

/** null for a thread that has ended. */
function maskOf(thread: number): Buffer | null {
  const mask = Buffer.alloc(MASK_BYTES);
  return call('sched_getaffinity', thread, MASK_BYTES, mask).value === 0 ? mask : null;
}

function setMask(thread: number, mask: Buffer): void {
  call('sched_setaffinity', thread, MASK_BYTES, mask);
}

function lowestBit(mask: Buffer): Buffer {
  const at = mask.findIndex((byte) => byte !== 0);
  const lowest = Buffer.alloc(mask.length);
  const byte = mask[at] ?? 0;
  lowest[at] = byte & -byte;
  return lowest;
}
