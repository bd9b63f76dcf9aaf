/** Another program, which does not outlive the block that started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { Missing } from './missing.ts';
import { unlessStopped } from './stopping.ts';

/** How long a program may take to end when asked to, in ms. */
const PATIENCE_MS = 5000;

export class Program implements AsyncDisposable {
  readonly pid: number;
  readonly #command: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals | null>;
  #written = '';
  #onWritten: () => void = () => undefined;

  /** Throws {@link Missing} when it is not installed. */
  static async start(command: string, args: readonly string[]): Promise<Program> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(new Missing(`${command} is not installed`, { cause })));
    });
    return new Program(command, child);
  }

  private constructor(command: string, child: ChildProcess) {
    this.#command = command;
    this.#child = child;
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#written += text;
        this.#onWritten();
      });
    }
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve(code ?? signal);
        this.#onWritten();
      });
    });
  }

  /** What it has written so far. */
  get written(): string {
    return this.#written;
  }

  /** Its reason, after it failed. */
  get lastLine(): string {
    return this.#written.trimEnd().split('\n').at(-1) ?? '';
  }

  /** Waits for its end. Throws when it failed. */
  async end(): Promise<string> {
    const code = await unlessStopped(this.#ended);
    if (code !== 0) throw new Error(`${basename(this.#command)} ended with ${code}: ${this.lastLine}`);
    return this.#written;
  }

  /** Waits until it has written something like this. Throws {@link Missing}, with its reason, when it ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#written);
      if (found !== null) return found;
      if (this.hasEnded) throw new Missing(`${basename(this.#command)} cannot run here: ${this.lastLine}`);
      await unlessStopped(
        new Promise<void>((resolve) => {
          this.#onWritten = resolve;
        }),
      );
    }
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasEnded) this.#child.kill('SIGTERM');
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS);
    await this.#ended;
    clearTimeout(impatience);
  }
}

/** Runs a program to its end. @returns what it wrote */
export async function run(command: string, ...args: string[]): Promise<string> {
  await using program = await Program.start(command, args);
  return await program.end();
}
