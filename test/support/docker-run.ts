/** The docker run commands of a page of Markdown, run by podman. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { type Metrics, parseMetrics } from './metrics-text.ts';
import { freePort } from './peers.ts';
import { runPodman, startContainer } from './podman.ts';
import { shellBlocks } from './shell-blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Resolves the path of the project's seccomp profile. */
export function withProfile(words: readonly string[]): string[] {
  return words.map((word) => word.replace(/^seccomp=(?=config\/)/, `seccomp=${ROOT}`));
}

/** The words after `docker run`. @param page the path from the root of the project */
export function dockerRuns(page: string): string[][] {
  const markdown = readFileSync(join(ROOT, page), 'utf8');
  const commands = shellBlocks(markdown).flatMap((block) => block.commands);
  return commands.filter((command) => command.startsWith('docker run ')).map((command) => command.split(' ').slice(2));
}

export interface Published extends Disposable {
  readonly id: string;
  /** Sends a request to a port inside the container. */
  get(port: number, path: string): Promise<Response>;
  /** Floatie's metrics. */
  scrape(): Promise<Metrics>;
  /** The container's output. */
  log(): string;
}

/** Runs in the background with free published ports and further arguments in front; resolves when Floatie is ready. */
export async function startPublished(run: readonly string[], ...args: string[]): Promise<Published> {
  const ports = new Map<number, number>();
  const words: string[] = [];
  for (const word of withProfile(run).filter((word) => word !== '--rm')) {
    const [, host, inside] = /^(127\.0\.0\.1):\d+:(\d+)$/.exec(word) ?? [];
    if (inside !== undefined) ports.set(Number(inside), await freePort());
    words.push(inside === undefined ? word : `${host}:${ports.get(Number(inside))}:${inside}`);
  }
  const container = startContainer(...args, ...words);
  const get = (port: number, path: string): Promise<Response> => {
    assert.ok(ports.has(port), `port ${port} is published`);
    return fetch(`http://127.0.0.1:${ports.get(port)}${path}`);
  };
  const log = (): string => runPodman('logs', container.id).stdout;
  try {
    const isReady = () =>
      get(9090, '/readyz')
        .then(({ ok }) => ok)
        .catch(() => false);
    await eventually('Floatie is ready', isReady, 20_000);
  } catch (error) {
    const { stdout, stderr } = runPodman('logs', container.id);
    container[Symbol.dispose]();
    throw new Error(`${(error as Error).message}\n${stdout}${stderr}`);
  }
  return {
    id: container.id,
    get,
    scrape: async () => parseMetrics(await (await get(9090, '/metrics')).text()),
    log,
    [Symbol.dispose]: () => container[Symbol.dispose](),
  };
}
