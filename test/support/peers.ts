/** Real programs to test against, fetched or built by test/peers/ on first use. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = new Map<string, string>();

/**
 * The path of a peer, by test/peers/NAME.sh.
 *
 * @param args of that script
 */
export function peer(
  name:
    | 'prometheus'
    | 'prometheus-client'
    | 'victoria-metrics'
    | 'node-exporter'
    | 'otelcol'
    | 'arm64-guest'
    | 'containers'
    | 'docker'
    | 'earlyoom'
    | 'kustomize'
    | 'runtimes'
    | 'strace'
    | 'waits',
  ...args: string[]
): string {
  const key = [name, ...args].join(' ');
  const known = cache.get(key);
  if (known !== undefined) return known;
  const script = fileURLToPath(new URL(`../peers/${name}.sh`, import.meta.url));
  const path = execFileSync('sh', [script, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  cache.set(key, path);
  return path;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export interface Daemon extends AsyncDisposable {
  readonly process: ChildProcess;
  /** The whole output so far. */
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** A program that runs until it is stopped or disposed of. */
export function startDaemon(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Daemon {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return { process: child, output: () => text, stop, [Symbol.asyncDispose]: () => stop('SIGKILL') };
}

/** A temporary folder with these files, removed when it is disposed of. */
export function folder(files: Readonly<Record<string, string>> = {}): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'floatie-test-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
