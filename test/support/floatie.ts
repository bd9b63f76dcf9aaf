/** A real Floatie as a child process, on a port of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Metrics, parseMetrics } from './metrics-text.ts';

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface Floatie {
  readonly url: string;
  readonly process: ChildProcess;
  readonly log: readonly LogLine[];
  scrape(): Promise<Metrics>;
  /** @returns the exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The record that a line tells, as the lists of records have it. */
export function recordOf({ level, message, time, event_time, ...fields }: LogLine): Record<string, unknown> {
  return { time: event_time, ...fields };
}

/** Starts Floatie and waits until it measures. Throws its output on failure. */
export async function startFloatie(
  args: readonly string[] = [],
  { env = {}, command = [process.execPath, MAIN] }: { env?: Record<string, string>; command?: readonly string[] } = {},
): Promise<Floatie> {
  const [program = '', ...before] = command;
  const child = spawn(program, [...before, '--set', 'exporters.prometheus.port=0', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // TEST_PEER_CACHE is no setting of Floatie.
    env: { ...process.env, FLOATIE_SERVICE_TELEMETRY_LOG_FORMAT: 'json', ...env },
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const log: LogLine[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = parseLine(line);
      log.push(entry);
      if (entry.message === 'Floatie is measuring') resolve(String(entry.url));
    });
    void exited.then(([code]) => reject(new Error(`Floatie ended with ${code}: ${JSON.stringify(log)}`)));
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return (await exited)[0];
  };
  return {
    url,
    process: child,
    log,
    stop,
    async scrape() {
      const signal = AbortSignal.timeout(30_000);
      const response = await fetch(url, { headers: { 'accept-encoding': 'identity' }, signal });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status}: ${text}`);
      return parseMetrics(text);
    },
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
    },
  };
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'raw', message: line };
  }
}
