/** Other programs that run beside what they watch. Throw {@link Missing} where they cannot be had. */
import { freePort, peer } from '../test/support/peers.ts';
import { type Answer, Client } from './client.ts';
import { Missing } from './missing.ts';
import { Program } from './program.ts';

export const NODE_EXPORTER = 'node_exporter';
export const COLLECTOR = 'OpenTelemetry Collector';

export class NodeExporter implements AsyncDisposable {
  readonly #program: Program;
  readonly #client: Client;

  static async start(): Promise<NodeExporter> {
    const address = `127.0.0.1:${await freePort()}`;
    const program = await Program.start(pathOf('node-exporter'), [`--web.listen-address=${address}`]);
    await program.says(/Listening on/);
    return new NodeExporter(program, `http://${address}`);
  }

  private constructor(program: Program, origin: string) {
    this.#program = program;
    this.#client = new Client(origin);
  }

  get pid(): number {
    return this.#program.pid;
  }

  scrape(headers?: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#client.ask('/metrics', headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#program[Symbol.asyncDispose]();
  }
}

/** With an OTLP receiver to which nobody sends. */
export async function startCollector(): Promise<Program> {
  const config = `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${await freePort()}"}}}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [debug]}}`;
  const program = await Program.start(pathOf('otelcol'), ['--config', `yaml:${config}`]);
  await program.says(/Everything is ready/);
  return program;
}

export function pathOf(name: 'node-exporter' | 'otelcol' | 'waits'): string {
  try {
    return peer(name);
  } catch (cause) {
    throw new Missing(`${name} can be neither fetched nor built: see test/peers/${name}.sh`, { cause });
  }
}
