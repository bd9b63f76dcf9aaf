/** A terminal of its own, by tmux. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

export interface Tmux extends Disposable {
  /** Names of keys, such as `Down`, or texts. */
  press(...keys: string[]): void;
  resize(columns: number, rows: number): void;
  /** The lines of the screen. */
  screen(): string[];
  /** Waits until the screen has it. */
  shows(what: RegExp): Promise<void>;
  /** The number of the one process that the shell waits for. */
  child(): number;
}

/** A shell in a terminal. */
export async function startTmux(columns: number, rows: number): Promise<Tmux> {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-tmux-'));
  const socket = join(folder, 'socket');
  const env = { ...process.env, LC_ALL: 'C.UTF-8', ENV: '' };
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-u', '-S', socket, ...args], { encoding: 'utf8', env });
  const size = ['-x', String(columns), '-y', String(rows)];
  tmux('-f', '/dev/null', 'new-session', '-d', ...size, 'sh');
  const shell = Number(tmux('display-message', '-p', '#{pane_pid}'));
  const screen = (): string[] => tmux('capture-pane', '-p').split('\n').slice(0, -1);
  const terminal: Tmux = {
    child: () => Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8')),
    press: (...keys) => void tmux('send-keys', ...keys),
    resize: (columns, rows) => void tmux('resize-window', '-x', String(columns), '-y', String(rows)),
    screen,
    async shows(what) {
      await eventually(`the screen shows ${what}`, () => what.test(screen().join('\n')) || false, 20_000).catch(
        (error) => {
          throw new Error(`${error.message}:\n${screen().join('\n')}`);
        },
      );
    },
    [Symbol.dispose]() {
      spawnSync('tmux', ['-S', socket, 'kill-server'], { stdio: 'ignore' });
      rmSync(folder, { recursive: true });
    },
  };
  await terminal.shows(/[#$]/);
  return terminal;
}
