/** An HTTP proxy that resolves one name, to this machine. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A name that only the proxy can resolve. */
export const BEHIND_PROXY = 'collector.test';

export interface HttpProxy extends AsyncDisposable {
  /** Host and port, without user and password. */
  readonly host: string;
  /** The requests, such as `CONNECT collector.test:4317`, and their credentials. */
  readonly asked: { readonly what: string; readonly authorization: string | undefined }[];
}

/** @param status refuses every request with this status */
export async function startProxy(status?: number): Promise<HttpProxy> {
  const asked: HttpProxy['asked'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    const { method, url = '', headers } = incoming;
    asked.push({ what: `${method} ${url}`, authorization: headers['proxy-authorization'] });
    if (status !== undefined) return response.writeHead(status).end();
    const { hostname, port, pathname } = new URL(url);
    if (hostname !== BEHIND_PROXY) return response.writeHead(502).end();
    const passed = request({ host: '127.0.0.1', port, path: pathname, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    return incoming.pipe(passed.on('error', () => response.destroy()));
  });
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  server.on('connect', ({ url = '', headers }, socket: Socket) => {
    asked.push({ what: `CONNECT ${url}`, authorization: headers['proxy-authorization'] });
    const [, host, port] = /^(.*):(\d+)$/.exec(url) ?? [];
    const refusal = status ?? (host === BEHIND_PROXY ? undefined : 502);
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
    const passed = connect({ host: '127.0.0.1', port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      passed.pipe(socket).pipe(passed);
    });
    sockets.add(passed.on('error', () => socket.destroy()));
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
