/** Which CPUs this process' threads run on. */
import { readdirSync, readFileSync } from 'node:fs';
import { call } from '../functions.ts';

/** As many CPUs as Linux can have, in bytes of one bit each. */
const MASK_BYTES = 8192 / 8;

/** libuv names the threads of Node's pool since 1.50 (Node 24; 22.15 has 1.49). */
const POOL = 'libuv-worker';

/**
 * Lets the threads of Node's pool share one CPU, until it is disposed of; where they have no name, all threads but the
 * main one. What the kernel does not let happen does not. A thread inherits its parent's CPUs for good: those that began
 * meanwhile get back what their parents had. Threads other than the pool's are left alone because such may begin
 * processes, too, which nobody would find.
 */
export function shareOneCpu(): Disposable {
  const before = threads();
  const pool = before.filter((thread) => nameOf(thread) === POOL);
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
        // One of these may have begun another before it got its mask back.
        born = threads().filter((thread) => !known.has(thread));
      }
    },
  };
}

function threads(): number[] {
  return readdirSync('/proc/self/task').map(Number);
}

/** Empty for one that has ended. */
function nameOf(thread: number): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** null for one that has ended. */
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
