/** A gRPC server that refuses metrics for the reason it is given, or takes them and throws them away. */
import { promisify } from 'node:util';
import { Server, ServerCredentials, type status } from '@grpc/grpc-js';

export interface RefusingCollector extends AsyncDisposable {
  readonly endpoint: string;
  /** What every export gets from now on; null: it is taken. */
  refuse: status | null;
  taken: number;
}

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
    endpoint: '',
    refuse: null,
    taken: 0,
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
  server.addService(
    { Export: method },
    {
      Export: (_call: unknown, done: (error: object | null, answer?: Buffer) => void) => {
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
