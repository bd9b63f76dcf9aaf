/** A client of HTTP over a connection that is kept, as Prometheus has one. */
import { Agent, get } from 'node:http';
import { stopping } from './stopping.ts';

export interface Answer {
  /** Its Content-Type without parameters. */
  readonly type: string;
  readonly bytes: number;
  /** From the request to the last byte. */
  readonly ms: number;
}

export class Client implements Disposable {
  readonly #origin: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Asks, and throws the body away chunk by chunk: keeping it would measure this process. */
  ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.#get(path, headers, () => undefined);
  }

  async text(path: string): Promise<string> {
    const chunks: Buffer[] = [];
    await this.#get(path, {}, (chunk) => chunks.push(chunk));
    return Buffer.concat(chunks).toString();
  }

  #get(path: string, headers: Readonly<Record<string, string>>, onChunk: (chunk: Buffer) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const start = performance.now();
      const request = get(`${this.#origin}${path}`, { agent: this.#agent, headers, signal: stopping }, (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          onChunk(chunk);
        });
        response.on('end', () => {
          const [type = ''] = (response.headers['content-type'] ?? '').split(';');
          if (response.statusCode === 200) resolve({ type, bytes, ms: performance.now() - start });
          else reject(new Error(`${path} was answered with ${response.statusCode}`));
        });
        response.on('error', reject);
      });
      request.on('error', reject);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
