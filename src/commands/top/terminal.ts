/** A terminal that is taken for a while, and left as it was. */
import { emitKeypressEvents } from 'node:readline';
import type { Key } from './model.ts';

/** DEC private modes: alternate screen, cursor, wrapping of lines. */
const TAKE = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
/** Before the text: behind a text that fills the line it would erase the last character. */
const END_OF_LINE = '\u001b[K';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class Terminal implements Disposable {
  readonly #input = process.stdin;
  readonly #output = process.stdout;
  readonly #onKey: (key: Key) => void;
  readonly #onResize: () => void;
  readonly #onEnd: () => void;
  #isTaken = false;

  /** @param on what to do for a key, for another size, and at the end: a signal, or a terminal that is gone */
  constructor(on: { readonly key: (key: Key) => void; readonly resize: () => void; readonly end: () => void }) {
    this.#onKey = on.key;
    this.#onResize = on.resize;
    this.#onEnd = on.end;
    for (const signal of SIGNALS) process.on(signal, this.#onEnd);
    process.on('SIGCONT', this.#resume);
    this.#output.on('error', this.#onEnd).on('resize', this.#onResize);
    this.#input.on('error', this.#onEnd).on('end', this.#onEnd);
    emitKeypressEvents(this.#input);
    this.#input.on('keypress', this.#press);
    this.#take();
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  /** Leaves out a screen that a slow terminal has no room for. */
  draw(lines: readonly string[]): void {
    if (!this.#isTaken || this.#output.writableNeedDrain) return;
    this.#output.write(`${HOME}${lines.map((line) => END_OF_LINE + line).join('\r\n')}`);
  }

  [Symbol.dispose](): void {
    this.#leave();
    for (const signal of SIGNALS) process.off(signal, this.#onEnd);
    process.off('SIGCONT', this.#resume);
    this.#output.off('resize', this.#onResize);
    this.#input.off('keypress', this.#press).off('end', this.#onEnd);
    this.#input.pause();
  }

  #take(): void {
    this.#isTaken = true;
    this.#input.setRawMode(true);
    this.#input.resume();
    this.#output.write(TAKE);
  }

  #leave(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    try {
      this.#input.setRawMode(false);
    } catch {
      // The terminal is gone.
    }
    this.#output.write(LEAVE);
  }

  readonly #resume = (): void => {
    this.#take();
    this.#onResize();
  };

  readonly #press = (_: string | undefined, key: Key): void => {
    if (key.ctrl !== true || key.name !== 'z') this.#onKey(key);
    else {
      this.#leave();
      process.kill(process.pid, 'SIGTSTP');
    }
  };
}
