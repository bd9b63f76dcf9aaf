/** A proxy before a real collector that answers exports itself, or passes them on. */
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { connect, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | string;
  /** Only over gRPC. */
  readonly trailers?: OutgoingHttpHeaders;
}

export interface OtlpSink extends AsyncDisposable {
  readonly endpoint: string;
  /** The answer to every further export; null passes exports on to the collector. */
  answer: Answer | null;
  /** The paths of exports that it answered itself. */
  readonly answered: string[];
}

/** @param collector the URL of the collector behind it */
export async function startHttpSink(collector: string): Promise<OtlpSink> {
  const answered: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<ServerResponse> => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const { url = '', headers } = request;
    if (sink.answer !== null) {
      answered.push(url);
      const { status, headers: more, body: content = '' } = sink.answer;
      return response.writeHead(status, more).end(content);
    }
    const type = { 'content-type': String(headers['content-type']) };
    const passed = await fetch(new URL(url, collector), { method: 'POST', headers: type, body });
    return response
      .writeHead(passed.status, { 'content-type': passed.headers.get('content-type') ?? '' })
      .end(Buffer.from(await passed.arrayBuffer()));
  };
  const server = createHttpServer((request, response) => {
    // The client may have given up, or the collector may be gone.
    answer(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sink: OtlpSink = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: null,
    answered,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return sink;
}

/** The same over gRPC. */
export async function startGrpcSink(collector: string): Promise<OtlpSink> {
  const answered: string[] = [];
  const behind = connect(collector).on('error', () => undefined);
  const sockets = new Set<Socket>();
  const server = createHttp2Server()
    .on('connection', (socket: Socket) => sockets.add(socket))
    .on('stream', (stream, headers) => {
      if (sink.answer === null) {
        const passed = behind.request({ ...headers, ':authority': new URL(collector).host });
        for (const each of [stream, passed]) each.on('error', () => undefined); // the client has given up
        let trailers: OutgoingHttpHeaders = {};
        passed.on('trailers', (given: OutgoingHttpHeaders) => {
          trailers = given;
        });
        passed.on('response', ({ 'content-type': type, ...given }) => {
          // In a trailers-only answer the status is in the headers.
          if (given['grpc-status'] !== undefined) trailers = { 'grpc-status': String(given['grpc-status']) };
          respond(stream, { status: 200, headers: { 'content-type': type } }, () => trailers);
          passed.pipe(stream);
        });
        stream.pipe(passed);
        return;
      }
      const { answer } = sink;
      stream.resume().on('end', () => {
        answered.push(String(headers[':path']));
        respond(stream, answer, () => answer.trailers ?? {});
        stream.end(answer.body);
      });
    })
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sink: OtlpSink = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: null,
    answered,
    async [Symbol.asyncDispose]() {
      behind.destroy();
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  return sink;
}

function respond(stream: ServerHttp2Stream, { status, headers }: Answer, trailers: () => OutgoingHttpHeaders): void {
  if (stream.destroyed) return;
  stream.on('error', () => undefined);
  stream.respond({ ':status': status, ...headers }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers()));
}
