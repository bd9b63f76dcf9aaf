/** Files on a detached overlay mount: only this process reaches it, and it ends with the process. */
import { closeSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPointer, LibbpfError } from '../errors.ts';
import { call, callOnThread, type Pointer } from '../functions.ts';
import { mountNowhere } from './detached-mount.ts';

/** stdio.h: unbuffered, so that fgets makes a system call for each byte. */
const IONBF = 2;

/** A folder in memory is preferred, so that no disk takes part in the measurement. */
const FOLDERS = ['/dev/shm', tmpdir()];

/**
 * Opens the same file of `bytes` bytes several times. Throws {@link LibbpfError} where this process may not mount
 * (CAP_SYS_ADMIN) or has no folder to write to.
 */
export function openOnDetachedOverlay(bytes: number, times: number): SlowReader[] {
  const folder = temporaryFolder();
  let mount = -1;
  try {
    mkdirSync(join(folder, 'lower'));
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'lower', 'file'), Buffer.alloc(bytes, 'x'));
    // An overlay with two lower layers needs no upper and work directory.
    mount = mountNowhere('overlay', { lowerdir: `${folder}/lower:${folder}/empty` });
    return Array.from({ length: times }, () => new SlowReader(`/proc/self/fd/${mount}/file`, bytes));
  } finally {
    // Open files keep the mount alive.
    if (mount >= 0) closeSync(mount);
    rmSync(folder, { recursive: true });
  }
}

/** Reads a file on another thread, with a system call for each byte. */
export class SlowReader {
  readonly #stream: Pointer;
  readonly #line: Buffer;

  constructor(path: string, bytes: number) {
    this.#stream = checkPointer(call('fopen', path, 're'), `open ${path}`);
    this.#line = Buffer.alloc(bytes + 1);
    call('setvbuf', this.#stream, null, IONBF, 0);
  }

  /** Reads from the file's beginning to its end. @returns the number of reads */
  async read(): Promise<number> {
    call('rewind', this.#stream);
    checkPointer(await callOnThread('fgets', this.#line, this.#line.length, this.#stream), 'read from an overlay');
    return this.#line.length - 1;
  }

  close(): void {
    call('fclose', this.#stream);
  }
}

function temporaryFolder(): string {
  for (const folder of FOLDERS) {
    try {
      return mkdtempSync(join(folder, 'floatie-'));
    } catch {
      // The next folder may do.
    }
  }
  throw new LibbpfError('EACCES', `Cannot write to ${FOLDERS.join(' or ')}`);
}
