/** A collector that refuses metrics with a given status, or discards them, after a given delay. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Server, ServerCredentials, type status } from '@grpc/grpc-js';

export interface RefusingCollector extends AsyncDisposable {
  readonly endpoint: string;
  /** The status of every further export; null: accepted. */
  refuse: status | null;
  /** The delay of the next answer, in ms. */
  delayMs: () => number;
  /** The number of exports, and of accepted ones. */
  asked: number;
  taken: number;
}

/** OTLP over gRPC. */
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

/** OTLP over HTTP, where every refusal is a 503 with Retry-After: 1. */
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
