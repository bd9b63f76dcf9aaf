/** Whether entries of folders came or went, by inotify. */
import { close } from 'node:fs';
import { checkErrno, errnoName } from '../errors.ts';
import { call } from '../functions.ts';

// sys/inotify.h
const IN_NONBLOCK_CLOEXEC = 0o2004000;
const IN_MOVED = 0xc0;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_ONLYDIR = 0x01000000;

/** Room for one event with the longest name. */
const EVENT_BYTES = 16 + 256;

export class FolderChanges implements Disposable {
  readonly #fd = checkErrno(call('inotify_init1', IN_NONBLOCK_CLOEXEC), 'open an inotify instance');
  readonly #event = Buffer.alloc(EVENT_BYTES);
  #seen = false;

  /** Throws {@link LibbpfError}: `ENOSPC` when the user has no watch left, `ENOENT` when there is no such folder. */
  watch(folder: string | Buffer): void {
    const path = Buffer.concat([Buffer.from(folder), Buffer.of(0)]);
    const mask = IN_CREATE | IN_DELETE | IN_MOVED | IN_ONLYDIR;
    checkErrno(call('inotify_add_watch', this.#fd, path, mask), `watch ${folder}`);
  }

  /** Whether an entry of a watched folder was made, removed or renamed since the folder is watched. */
  seen(): boolean {
    this.#seen ||= this.#hasEvent();
    return this.#seen;
  }

  /** Events that the kernel has no room for become an event of their own. */
  #hasEvent(): boolean {
    // Not readSync(), which makes an error each time when there is none.
    const { value, errno } = call('read', this.#fd, this.#event, EVENT_BYTES);
    return value > 0 || errnoName(errno) !== 'EAGAIN';
  }

  /** On another thread: the kernel waits until nobody reads its lists of watches, which takes some 20 ms. */
  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
