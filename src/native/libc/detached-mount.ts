/** Detached mounts: only this process reaches them, by a descriptor, and they end with the descriptor. */
import { closeSync, readFileSync } from 'node:fs';
import { errnoName, LibbpfError } from '../errors.ts';
import { call } from '../functions.ts';

// The numbers of system calls since 5.0 are the same on all architectures.
const FSOPEN = 430;
const FSCONFIG = 431;
const FSMOUNT = 432;
// include/uapi/linux/mount.h
const CLOEXEC = 1;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

/** @returns the descriptor of its root. Throws {@link LibbpfError} where this process may not mount (CAP_SYS_ADMIN) */
export function mountNowhere(filesystem: string, options: Readonly<Record<string, string>> = {}): number {
  const check = ({ value, errno }: { value: number; errno: number }): number => {
    if (value >= 0) return value;
    const code = errnoName(errno);
    const hint = code === 'EPERM' ? ' (needs CAP_SYS_ADMIN)' : '';
    throw new LibbpfError(code, `Cannot mount ${filesystem}: ${code}${hint}`);
  };
  const context = check(call('fsopen', FSOPEN, filesystem, CLOEXEC));
  try {
    for (const [key, value] of Object.entries(options)) {
      check(call('fsconfig_set', FSCONFIG, context, FSCONFIG_SET_STRING, key, value, 0));
    }
    check(call('fsconfig_create', FSCONFIG, context, FSCONFIG_CMD_CREATE, null, null, 0));
    return check(call('fsmount', FSMOUNT, context, CLOEXEC, 0));
  } finally {
    closeSync(context);
  }
}

/** Reads a file of a kernel filesystem such as tracefs, whether it is mounted or not. */
export function readDetached(filesystem: string, path: string): string {
  const root = mountNowhere(filesystem);
  try {
    return readFileSync(`/proc/self/fd/${root}/${path}`, 'utf8');
  } finally {
    closeSync(root);
  }
}
