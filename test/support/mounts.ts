/** The mounts that a new machine does not have, and how to run a command without them. */
import { readFileSync } from 'node:fs';

/** Filesystems of the kernel that distributions mount, and a new machine of containers or of CI does not. */
const TYPES = new Set(['tracefs', 'debugfs', 'bpf', 'securityfs']);

/** A shell's commands for a state that the machine is in for a test, in a mount namespace of its own. */
export const BARE = [...TYPES]
  .map((type) => `findmnt -rno TARGET -t ${type} | sort -r | xargs -r -n1 umount -l`)
  .join('; ');
export const MOUNTED = [
  BARE,
  'mount -t tracefs none /sys/kernel/tracing',
  'mount -t debugfs none /sys/kernel/debug',
  'mount -t bpf none /sys/fs/bpf',
  'mount -t securityfs none /sys/kernel/security',
].join('; ');

/** The words before a command that do this first. */
export function withMounts(state: string): string[] {
  return ['unshare', '--mount', 'sh', '-c', `{ ${state}; } >&2 && exec "$@"`, 'sh'];
}

/** In a mount namespace: the mount points, in the order in which they were mounted. */
export function mountsOf(pid: number | 'self' = 'self'): { readonly target: string; readonly type: string }[] {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const target = (before.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return { target, type: after.split(' ')[0] ?? '' };
  });
}
