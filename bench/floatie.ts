/** Floatie as users run it: the compiled one, in a process of its own, with the default configuration. */
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { Program } from './program.ts';
import { stopping } from './stopping.ts';

const ROOT = join(import.meta.dirname, '..');

/** The flags that `npm start` gives to Node. */
export const NODE_FLAGS: readonly string[] = flagsOfStart();

/** Floatie as `npm start` runs it. */
export const DIST: readonly string[] = [process.execPath, ...NODE_FLAGS, join(ROOT, 'dist/main.js')];

/** What `npm run build:single` makes. */
export const SINGLE: readonly string[] = [join(ROOT, 'dist/floatie')];

function flagsOfStart(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  return (/\bnode (.*?) ?dist\/main\.js/.exec(scripts.start)?.[1] ?? '').split(' ').filter((flag) => flag !== '');
}

export class Floatie implements AsyncDisposable {
  readonly #program: Program;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** Resolves when it measures and listens. */
  static async start(flags: readonly string[] = [], command: readonly string[] = DIST): Promise<Floatie> {
    const settings = ['exporters.prometheus.port=0', 'service.telemetry.log_format=json'];
    const [file = '', ...rest] = command;
    const args = settings.flatMap((setting) => ['--set', setting]);
    const program = await Program.start(file, [...flags, ...rest, ...args]);
    try {
      const [, url = ''] = await program.says(/"url":"([^"]+)"/);
      return new Floatie(program, url);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(program: Program, url: string) {
    this.#program = program;
    this.#url = url;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** What it has logged. */
  get log(): string {
    return this.#program.written;
  }

  /** One scrape over a connection that is kept, as Prometheus makes them. */
  scrape(): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = get(this.#url, { agent: this.#agent, signal: stopping }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString());
          else reject(new Error(`A scrape was answered with ${response.statusCode}`));
        });
        response.on('error', reject);
      });
      request.on('error', reject);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.#program[Symbol.asyncDispose]();
  }
}
