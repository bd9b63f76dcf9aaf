/** An independent observer: bpftrace, which prints its maps at its end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';
import { MOUNTED, withMounts } from './mounts.ts';

/** By name, with `@`, the values by key; a map without keys has one value. */
export type TracedMaps = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

export interface Bpftrace extends AsyncDisposable {
  /** Stops observing. */
  end(): Promise<TracedMaps>;
}

/** @param program prints "ready" when it begins; a file, or `-e` and its text. Then come its arguments */
export async function startBpftrace(...program: readonly string[]): Promise<Bpftrace> {
  const [command = '', ...args] = [...withMounts(MOUNTED), 'bpftrace', '-f', 'json', ...program];
  const env = { ...process.env, BPFTRACE_MAP_KEYS_MAX: '65536' };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let [written, failed] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    failed += text;
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await eventually('bpftrace observes', () => {
    if (hasEnded()) throw new Error(`bpftrace ended with ${child.exitCode}: ${failed}`);
    return written.includes('ready');
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    async end() {
      const closed = once(child.stdout, 'end');
      // A signal that comes between two waits of bpftrace is lost.
      await eventually('bpftrace has ended', () => hasEnded() || (child.kill('SIGINT') && false));
      await closed;
      return mapsOf(written);
    },
    async [Symbol.asyncDispose]() {
      if (!hasEnded()) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** @param text a line a map */
function mapsOf(text: string): TracedMaps {
  const maps = {};
  for (const line of text.split('\n')) {
    const { type, data } = line === '' ? {} : (JSON.parse(line) as { type: string; data: object });
    if (type === 'map') Object.assign(maps, data);
  }
  return maps;
}
