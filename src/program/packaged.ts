/** The files that come with Floatie: in its package, or embedded in the single executable. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { getAsset, getRawAsset, isSea } from 'node:sea';

/** Whether this is the single executable, which has no package beside it. */
export const isSingle = isSea();

/** @param path from the root of the package, such as `package.json` */
export function readPackaged(path: string): string {
  return isSingle ? getAsset(path, 'utf8') : readFileSync(place(path), 'utf8');
}

/**
 * Calls `use` with the path of a file that comes with Floatie. The single executable copies the file to a folder that
 * only this user can read, and removes the copy after `use`.
 *
 * @param path from the root of the package, or absolute
 * @param use if it throws, for example because the folder is mounted noexec, the next folder is tried
 */
export function withPackaged<T>(path: string, use: (file: string) => T): T {
  if (!isSingle) return use(place(path));
  if (isPrivilegedByFile()) {
    throw new Error(
      `Cannot run ${process.execPath} with capabilities of its file: another program of the same user could swap the libraries that it unpacks; take them away (setcap -r FILE) and give ambient ones (setpriv --ambient-caps, or AmbientCapabilities= of systemd)`,
    );
  }
  const problems: string[] = [];
  for (const folder of folders()) {
    try {
      return withCopy(folder, basename(path), new Uint8Array(getRawAsset(path)), use);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  throw new Error(
    `Cannot load ${basename(path)} out of this executable: no folder can be written to and run programs from; let TMPDIR name one, or in a container mount one with --tmpfs /tmp:exec (tried: ${problems.join('; ')})`,
  );
}

/** `AT_SECURE` of include/uapi/linux/auxvec.h: the program has more privileges than the user who started it. */
const AT_SECURE = 23n;

function isPrivilegedByFile(): boolean {
  try {
    const vector = new BigUint64Array(new Uint8Array(readFileSync('/proc/self/auxv')).buffer);
    return vector.some((value, index) => index % 2 === 0 && value === AT_SECURE && vector[index + 1] !== 0n);
  } catch {
    // The kernel hides it from such a program's own user; others that hide it, without /proc, have no such file either.
    return existsSync('/proc/self/auxv');
  }
}

function place(path: string): string {
  return resolve(import.meta.dirname, '../..', path);
}

/** Folders for temporary files. In a container without a writable folder, /dev/shm and (for root) /dev are writable. */
function folders(): Set<string> {
  const { XDG_RUNTIME_DIR: own } = process.env;
  return new Set([tmpdir(), '/tmp', ...(own ? [own] : []), '/run', '/dev/shm', '/dev']);
}

function withCopy<T>(folder: string, name: string, bytes: Uint8Array, use: (file: string) => T): T {
  const own = mkdtempSync(join(folder, 'floatie-'));
  try {
    const file = join(own, name);
    writeFileSync(file, bytes, { mode: 0o500 });
    return use(file);
  } finally {
    rmSync(own, { recursive: true });
  }
}
