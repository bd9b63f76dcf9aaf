/** An OTLP endpoint over gRPC or HTTP, with or without TLS, that keeps the requests. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http';
import {
  createServer as createHttp2Server,
  createSecureServer as createSecureHttp2Server,
  type Http2Server,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Authority, Certificate } from './certificates.ts';

export type Transport = 'grpc' | 'http';

export interface OtlpPeer extends AsyncDisposable {
  readonly url: string;
  readonly requests: {
    readonly path: string | undefined;
    readonly headers: IncomingHttpHeaders;
    /** The common name of the client's certificate. */
    readonly client: string | undefined;
  }[];
  /** The number of connections so far. */
  connections(): number;
}

export interface OtlpPeerOptions {
  readonly tls?: { readonly server: Certificate; readonly clients?: Authority };
  /** The trailers of every answer over gRPC. */
  readonly trailers?: OutgoingHttpHeaders;
}

export async function startOtlpPeer(
  transport: Transport,
  { tls, trailers = { 'grpc-status': '0' } }: OtlpPeerOptions = {},
): Promise<OtlpPeer> {
  const requests: OtlpPeer['requests'] = [];
  const files = tls && {
    cert: readFileSync(tls.server.cert),
    key: readFileSync(tls.server.key),
    ...(tls.clients && { ca: tls.clients.pem, requestCert: true, rejectUnauthorized: true }),
  };
  let server: HttpServer | Http2Server;
  if (transport === 'http') {
    server = (files === undefined ? createHttpServer() : createHttpsServer(files)).on(
      'request',
      (request, response) => {
        requests.push({ path: request.url, headers: request.headers, client: clientOf(request.socket) });
        request.resume().on('end', () => response.end());
      },
    );
  } else {
    server = (files === undefined ? createHttp2Server() : createSecureHttp2Server(files)).on(
      'stream',
      (stream, headers) => {
        requests.push({ path: headers[':path'], headers, client: clientOf(stream.session?.socket) });
        stream.resume().on('end', () => {
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers(trailers));
          stream.end(Buffer.alloc(5)); // an empty message
        });
      },
    );
  }
  const sockets = new Set<Socket>();
  for (const event of ['connection', 'secureConnection']) server.on(event, (socket: Socket) => sockets.add(socket));
  let made = 0;
  server.on('connection', () => made++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    connections: () => made,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function clientOf(socket: object | undefined): string | undefined {
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  return typeof name === 'string' ? name : undefined;
}
