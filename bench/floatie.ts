/** Floatie as users run it: the compiled one, in a process of its own, with the default configuration. */
import { type Answer, Client } from './client.ts';
import { Program } from './program.ts';

export const SCRAPE = '/metrics';

export class Floatie implements AsyncDisposable {
  readonly #program: Program;
  readonly #client: Client;

  /**
   * Resolves when it measures and listens.
   *
   * @param command as {@link Tree} gives it
   */
  static async start(command: readonly string[], flags: readonly string[] = []): Promise<Floatie> {
    const settings = ['exporters.prometheus.port=0', 'service.telemetry.log_format=json'];
    const [file = '', ...rest] = command;
    const program = await Program.start(file, [...rest, ...settings.flatMap((one) => ['--set', one]), ...flags]);
    try {
      const [, url = ''] = await program.says(/"url":"([^"]+)"/);
      return new Floatie(program, new URL(url).origin);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(program: Program, origin: string) {
    this.#program = program;
    this.#client = new Client(origin);
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** What it has logged. */
  get log(): string {
    return this.#program.written;
  }

  /** One scrape, whose body is not kept. */
  scrape(headers?: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#client.ask(SCRAPE, headers);
  }

  metrics(): Promise<string> {
    return this.#client.text(SCRAPE);
  }

  /** The number of reads on overlayfs that it has counted. */
  async reads(): Promise<number> {
    const counts = (await this.metrics()).matchAll(/^floatie_overlayfs_read_latency_us_count\S* (\d+)/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Asks for something that takes no work: the answer waits for whatever blocks the event loop. */
  async healthMs(): Promise<number> {
    return (await this.#client.ask('/healthz')).ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#program[Symbol.asyncDispose]();
  }
}
