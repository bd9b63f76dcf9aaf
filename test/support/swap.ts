/** Swap, in memory or on the disk of a guest. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readOrNull } from '../../src/program/read-or-null.ts';

const ZRAM = '/sys/block/zram0';
const MEGABYTES = 64;

/** Why there can be none here, or null. */
export function lacksSwap(): string | null {
  if (isThere() || isGuest() || readOrNull(`${ZRAM}/disksize`)?.trim() === '0') return null;
  return 'swap, or a zram device that nobody uses';
}

export function addSwap(stack: AsyncDisposableStack): void {
  if (isThere()) return;
  const place = isGuest() ? file(stack) : memory(stack);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  execFileSync('mkswap', [place], { env, stdio: 'ignore' });
  execFileSync('swapon', [place], { env });
  stack.defer(() => void execFileSync('swapoff', [place], { env }));
}

function memory(stack: AsyncDisposableStack): string {
  stack.defer(() => writeFileSync(`${ZRAM}/reset`, '1'));
  writeFileSync(`${ZRAM}/disksize`, `${MEGABYTES}M`);
  return '/dev/zram0';
}

function file(stack: AsyncDisposableStack): string {
  const path = '/var/tmp/swap';
  stack.defer(() => rmSync(path));
  execFileSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=1M', `count=${MEGABYTES}`, 'status=none']);
  return path;
}

function isThere(): boolean {
  return readFileSync('/proc/swaps', 'utf8').trim().split('\n').length > 1;
}

/** A machine that only tests use. */
export function isGuest(): boolean {
  return process.env.TEST_CGROUP !== undefined;
}
