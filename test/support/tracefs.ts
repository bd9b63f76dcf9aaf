/** Mounts tracefs at its usual place until it is disposed of; leaves an existing mount alone. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export function mountTracefs(): Disposable {
  if (existsSync('/sys/kernel/tracing/events')) return { [Symbol.dispose]: () => undefined };
  execFileSync('mount', ['-t', 'tracefs', 'none', '/sys/kernel/tracing']);
  return { [Symbol.dispose]: () => execFileSync('umount', ['/sys/kernel/tracing']) };
}
