/** A collector that refuses metrics for the reason it is given, or takes them and throws them away, soon or late. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Server, ServerCredentials, type status } from '@grpc/grpc-js';

export interface RefusingCollector extends AsyncDisposable {
  readonly endpoint: string;
  /** What every export gets from now on; null: it is taken. */
  refuse: status | null;
  /** How long the next answer takes, in ms. */
  delayMs: () => number;
  /** How many were asked for, and how many of them were taken. */
  asked: number;
  taken: number;
}

/** By OTLP over gRPC. */
export async function startRefusingCollector(port = 0): Promise<RefusingCollector> {
  const server = new Server();
  const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
  const path = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  } as const;
  const collector: RefusingCollector = {
    ...settings(),
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
  server.addService(
    { Export: method },
    {
      Export: async (_call: unknown, done: (error: object | null, answer?: Buffer) => void) => {
        collector.asked++;
        await sleep(collector.delayMs(), undefined, { ref: false });
        if (collector.refuse !== null) return done({ code: collector.refuse, details: 'no' });
        collector.taken++;
        done(null, Buffer.alloc(0));
      },
    },
  );
  const bind = promisify(server.bindAsync.bind(server));
  const bound = await bind(`127.0.0.1:${port}`, ServerCredentials.createInsecure());
  return Object.assign(collector, { endpoint: `http://127.0.0.1:${bound}` });
}

/** By OTLP over HTTP, where every reason is a 503 that says how many seconds later to come again: here, one. */
export async function startRefusingHttpCollector(port = 0): Promise<RefusingCollector> {
  const server = createServer(async (request, response) => {
    collector.asked++;
    request.resume();
    await sleep(collector.delayMs(), undefined, { ref: false });
    if (collector.refuse !== null) return response.writeHead(503, { 'retry-after': '1' }).end();
    collector.taken++;
    return response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  const collector: RefusingCollector = {
    ...settings(),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(collector, { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function settings() {
  return { endpoint: '', refuse: null, delayMs: () => 0, asked: 0, taken: 0 };
}
