/** A file on a real overlay mount, and one on the disk beside it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './compile.ts';
import { Missing } from './missing.ts';

/** include/uapi/linux/magic.h */
const OVERLAYFS_SUPER_MAGIC = 0x794c7630;

/** Where an overlay may be built: its upper layer cannot be on overlayfs, and the disk's file must not be. */
const PLACES = [CACHE, '/var/tmp', '/dev/shm'];

export class Overlay implements Disposable {
  readonly #folder: string;
  readonly #merged: string;
  /** A file on the overlay. */
  readonly file: string;
  /** A file on the filesystem below it. */
  readonly diskFile: string;
  /** The name of that filesystem. */
  readonly disk: string;

  /** Throws {@link Missing} where nothing can be mounted. */
  static mount(): Overlay {
    if (process.getuid?.() !== 0) throw new Missing('mounting an overlay needs root');
    mkdirSync(CACHE, { recursive: true });
    const place = PLACES.find((path) => statfsSync(path).type !== OVERLAYFS_SUPER_MAGIC);
    if (place === undefined) throw new Missing(`${PLACES.join(', ')} are all on overlayfs, on which none can be built`);
    return new Overlay(mkdtempSync(join(place, 'overlay-')));
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.#merged = join(folder, 'merged');
    this.file = join(this.#merged, 'file');
    this.diskFile = join(folder, 'file');
    this.disk = execFileSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).trim();
    try {
      for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(folder, name));
      for (const path of [join(folder, 'lower/file'), this.diskFile]) writeFileSync(path, Buffer.alloc(4096, 1));
      const options = `lowerdir=${folder}/lower,upperdir=${folder}/upper,workdir=${folder}/work`;
      execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, this.#merged]);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.#merged]);
    rmSync(this.#folder, { recursive: true });
  }
}
