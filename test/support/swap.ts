/** Swap on a slow disk of 32 MiB. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { mountSlow } from './slow.ts';

/** Why there can be none here, or null. */
export function lacksSwap(): string | null {
  return existsSync('/proc/swaps') ? null : 'a kernel with swap';
}

/** @param readUs the duration of a read of up to 128 KiB; where writes take long, too, the kernel kills who waits for them */
export async function addSwap(stack: AsyncDisposableStack, readUs: number): Promise<void> {
  const slow = stack.use(await mountSlow([0, readUs, 0]));
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const run = (command: string, ...args: string[]): string => execFileSync(command, args, { env, encoding: 'utf8' });
  // Past the page cache, which would be the cgroup's own memory.
  const device = run('losetup', '--find', '--show', '--direct-io=on', join(slow.path, 'disk')).trim();
  stack.defer(() => void run('losetup', '--detach', device));
  run('mkswap', device);
  // Before swap that the machine has.
  run('swapon', '-p', '1000', device);
  stack.defer(() => void run('swapoff', device));
}
