/** Runs commands without the mounts that a new machine lacks. */
import { readFileSync } from 'node:fs';

/** Kernel filesystems that distributions mount, but new containers and CI machines do not. */
const TYPES = new Set(['tracefs', 'debugfs', 'bpf', 'securityfs']);

/** Shell commands that set up the mounts of a test, for a mount namespace of its own. */
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

/** The words in front of a command that bring the mounts into a state first. */
export function withMounts(state: string): string[] {
  return ['unshare', '--mount', 'sh', '-c', `{ ${state}; } >&2 && exec "$@"`, 'sh'];
}

/** The mounts of a process's mount namespace, in the order of mounting. */
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
