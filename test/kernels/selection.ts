/** What runs in the guests when no file is named: what depends on the kernel most. */
import { globSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url).pathname;

/** None of these starts Floatie, which takes as long here as ten tests. */
export const FILES = globSync('test/live/{kernel/*,oom}.test.ts', { cwd: ROOT }).sort();

/** Those of test/live/kernel/ with these names, and that of OOM kills. */
export function kernelFiles(...names: readonly string[]): string[] {
  return [...names.map((name) => `test/live/kernel/${name}.test.ts`), 'test/live/oom.test.ts'];
}

/** More of them with --all, on every kernel that FILES are for. */
export const MEMBERS = 'test/live/oom-members.test.ts';

/** Tests in these files that take too long in an emulated machine for what they say about its kernel. */
export const LEFT_OUT = [
  /the machine’s memory ran out/,
  /tiny ring buffer/,
  /10 at once/,
  /in the cgroup it is told/,
  /the operations of /,
  // No kernel has a part in the limit.
  /are told ten at once/,
  // One stage a cause is enough, and emulated disks wait for more than their journal.
  /is (the device|memory|the lock of a directory|the run queue where|the journal)/,
];

/** Tests of the ways to attach other than this one. Without a way: none. */
export function otherWays(way: string | undefined): RegExp[] {
  return way === undefined ? [] : [new RegExp(`\\bby (?!${way}\\b)(fentry|kprobe|syscall|syscall_classic)\\b`)];
}
