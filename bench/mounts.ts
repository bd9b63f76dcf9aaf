/** Mounts that no other process sees, and that end with this one, however it ends. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const INSIDE = 'inside';
const TRACEFS = '/sys/kernel/tracing';

/**
 * Replaces this process by itself, with the same arguments, in a mount namespace of its own, with tracefs, which
 * bpftrace needs.
 */
export function mountPrivately(): void {
  if (process.argv[2] !== INSIDE) {
    if (!mayUnshare()) return;
    const [script = '', ...args] = process.argv.slice(1);
    process.execve?.(
      '/usr/bin/env',
      ['env', 'unshare', '--mount', process.execPath, script, INSIDE, ...args],
      process.env,
    );
  }
  process.argv.splice(2, 1);
  if (!existsSync(`${TRACEFS}/events`)) execFileSync('mount', ['-t', 'tracefs', 'tracefs', TRACEFS]);
}

function mayUnshare(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // each benchmark says for itself what it lacks
  }
}
