/** The files that come with Floatie: those of its package or, where it is a single executable, those inside of it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { getAsset, getRawAsset, isSea } from 'node:sea';

/** Whether this is the single executable, beside which there are no files. */
export const isSingle = isSea();

/** @param path from the root of the package, such as `package.json` */
export function readPackaged(path: string): string {
  return isSingle ? getAsset(path, 'utf8') : readFileSync(place(path), 'utf8');
}

/**
 * Lets C have a file that comes with Floatie. Out of the single executable it is copied to a folder that only this user
 * can look into, and removed again after `use`.
 *
 * @param path from the root of the package, or absolute
 * @param use may throw where the file cannot be used: then the next folder is tried
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

/** `AT_SECURE` of include/uapi/linux/auxvec.h: the kernel says that the program has more rights than who started it. */
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

/** Where files may be. What containers without any writable folder have is /dev/shm and, for root, /dev. */
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
