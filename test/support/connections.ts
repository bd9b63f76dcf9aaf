/** Misbehaving clients: connections that do not read their answers, or send no request. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

export interface Connections extends Disposable {
  readonly all: readonly Socket[];
  /** Connects and sends a text without reading the answer. */
  open(text?: string): Promise<Socket>;
}

export function connectionsTo(url: string): Connections {
  const { port, hostname } = new URL(url);
  const all: Socket[] = [];
  return {
    all,
    async open(text = '') {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      all.push(socket);
      await once(socket, 'connect');
      if (text !== '') socket.write(text);
      return socket;
    },
    [Symbol.dispose]() {
      for (const socket of all) socket.destroy();
    },
  };
}

/** Sends a text and returns the whole answer until the other side closes. */
export async function exchange(url: string, text: string): Promise<string> {
  using connections = connectionsTo(url);
  const socket = await connections.open(text);
  return Buffer.concat(await Array.fromAsync(socket)).toString();
}
