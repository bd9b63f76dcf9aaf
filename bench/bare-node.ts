/** Node alone, with an HTTP server that sends as many bytes as the path says: the least that a server in Node costs. */
import { Client } from './client.ts';
import { Program } from './program.ts';

export const BARE_NODE = 'bare Node';

const SERVER = `
  import { createServer } from 'node:http';
  const bodies = new Map();
  const server = createServer(({ url }, response) => {
    if (!bodies.has(url)) bodies.set(url, Buffer.alloc(Number(url.slice(1)), 'x'));
    response.end(bodies.get(url));
  });
  server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));`;

export class BareNode implements AsyncDisposable {
  readonly #program: Program;
  readonly #client: Client;

  /** @param flags for Node */
  static async start(flags: readonly string[] = []): Promise<BareNode> {
    const program = await Program.start(process.execPath, [...flags, '--input-type=module', '--eval', SERVER]);
    const [, port] = await program.says(/^port (\d+)/m);
    return new BareNode(program, `http://127.0.0.1:${port}`);
  }

  private constructor(program: Program, origin: string) {
    this.#program = program;
    this.#client = new Client(origin);
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** @returns how long it took, in ms */
  async send(bytes: number): Promise<number> {
    return (await this.#client.ask(`/${bytes}`)).ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#program[Symbol.asyncDispose]();
  }
}
