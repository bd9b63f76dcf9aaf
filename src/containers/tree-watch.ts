/** Tells whether a hierarchy has changed since a walk went through it, so that it need not be walked again. */

import { joinRaw, type Place } from '../kernel/raw-path.ts';
import { FolderChanges, LibbpfError } from '../native/index.ts';
import { readOrNull } from '../program/read-or-null.ts';

/** The part of the watches of all programs of this user that one hierarchy may take. */
const SHARE = 1 / 8;
/** The limit of watched folders: each takes about 1 kB of kernel memory. */
const MAX_WATCHES = 4096;

export class TreeWatch implements Disposable {
  readonly #mount: string;
  #changes: FolderChanges | null = null;
  #left: number;
  /** Whether a folder is not watched, so that it could change unseen. */
  #isBlind = false;

  /** @param max the limit of watched folders */
  constructor(mount: string, max = maxWatches()) {
    this.#mount = mount;
    this.#left = max;
    this.#try(() => {
      this.#changes = new FolderChanges();
    });
  }

  /** Watches a folder. Call it before the folder is read, and from the root downwards. */
  watch({ raw }: Place): void {
    if (this.#isBlind) return;
    if (this.#left-- <= 0) this.#isBlind = true;
    else {
      // A removed folder changes the one above it. One whose path is too long is not walked either.
      const unseen = raw === '/' ? [] : ['ENOENT', 'ENAMETOOLONG'];
      this.#try(() => this.#changes?.watch(joinRaw(this.#mount, raw)), unseen);
    }
  }

  /** Whether a watched folder has changed, or one that is not watched may have. */
  hasChanged(): boolean {
    return this.#isBlind || this.#changes?.seen() !== false;
  }

  [Symbol.dispose](): void {
    this.#changes?.[Symbol.dispose]();
    this.#changes = null;
  }

  #try(step: () => void, harmless: readonly string[] = []): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      if (!harmless.includes(error.code)) this.#isBlind = true;
    }
  }
}

function maxWatches(): number {
  const all = Number(readOrNull('/proc/sys/fs/inotify/max_user_watches') ?? 0);
  return Math.min(Math.floor(all * SHARE), MAX_WATCHES);
}
