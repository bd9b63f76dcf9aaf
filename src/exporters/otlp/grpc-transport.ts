/** OTLP over gRPC: one call an export, over a persistent connection. */
import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  setLogger,
  status,
} from '@grpc/grpc-js';
import { diag } from '@opentelemetry/api';
import { version } from '../../program/version.ts';
import type { Tls } from '../credentials.ts';
import { excerpt, type Remark, readAnswer } from './answer.ts';
import { type Destination, type Signal, shown } from './connection.ts';
import type { Transport } from './exporter.ts';
import { type ProxyServer, placeOf, usableProxyFor } from './proxy.ts';

const METHODS: Readonly<Record<Signal, string>> = {
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/** gRPC's log, by GRPC_VERBOSITY and GRPC_TRACE, without the time and process id at the beginning of each line. */
const say = (level: 'error' | 'info' | 'debug') => (text: string) =>
  diag[level](`gRPC: ${String(text).replace(/^\S+ \| v\S+ \d+ \| /, '')}`);
setLogger({ error: say('error'), info: say('info'), debug: say('debug') });

export class GrpcTransport implements Transport {
  readonly #destination: Destination;
  readonly #method: string;
  readonly #metadata = new Metadata();
  readonly #proxy: ProxyServer | null;
  #tls: Tls | undefined;
  #client: Client | undefined;

  constructor(destination: Destination, signal: Signal) {
    this.#destination = destination;
    this.#method = METHODS[signal];
    for (const [name, value] of Object.entries(destination.headers)) this.#metadata.set(name, value);
    this.#proxy = usableProxyFor(destination, 'grpc');
  }

  async send(request: Uint8Array): Promise<Remark | null> {
    const client = this.#currentClient();
    const deadline = Date.now() + this.#destination.timeoutMs;
    const [same, method] = [(bytes: Buffer) => bytes, this.#method];
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    client.makeUnaryRequest(method, same, same, Buffer.from(request), this.#metadata, { deadline }, (error, answer) => {
      if (error === null) resolve(answer ?? Buffer.alloc(0));
      else reject(error);
    });
    try {
      return readAnswer(await promise);
    } catch (error) {
      this.#ended(client, error as ServiceError);
      throw this.#failure(error as ServiceError);
    }
  }

  shutdown(): void {
    this.#client?.close();
  }

  #currentClient(): Client {
    const tls = this.#destination.tls();
    if (this.#client !== undefined && tls === this.#tls) return this.#client;
    this.#client?.close(); // waits for calls under way
    this.#tls = tls;
    this.#client = this.#createClient(tls);
    return this.#client;
  }

  #createClient(tls: Tls): Client {
    const { url, port: ownPort, compression } = this.#destination;
    const target = url.protocol === 'unix:' ? url.href : `${url.hostname}:${ownPort}`;
    const options: ClientOptions = {
      'grpc.primary_user_agent': `Floatie/${version}`,
      'grpc.default_compression_algorithm': compressionAlgorithms[compression === 'gzip' ? 'gzip' : 'identity'],
      // A pool of its own, so that a new client does not inherit the failed connection and its backoff.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0, // proxy.ts decides
    };
    const credentials = credentialsOf(url, tls);
    if (this.#proxy === null) return new Client(target, credentials, options);
    const { hostname, port, username, password } = this.#proxy.url;
    return new Client(`dns:${hostname}:${port === '' ? '80' : port}`, credentials, {
      ...options,
      'grpc.default_authority': target,
      'grpc.http_connect_target': `dns:${target}`,
      ...(username !== '' && {
        'grpc.http_connect_creds': `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
      }),
    });
  }

  /**
   * Replaces the client after a failed connection or a timeout. gRPC's backoff grows to two minutes and fails every
   * export meanwhile, although the collector may be back.
   */
  #ended(client: Client, { code }: ServiceError): void {
    if (client !== this.#client || (code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED)) return;
    client.close();
    this.#client = undefined;
  }

  #failure(error: ServiceError): Error {
    const by = this.#proxy === null ? '' : ` through the proxy ${placeOf(this.#proxy)}`;
    // gRPC drops the reason why a proxy refuses to connect; only its own log has it.
    const reason = error.message.replace('Last error: undefined', 'The proxy gives no connection');
    const { code, metadata } = error;
    return Object.assign(new Error(`${shown(this.#destination.url)}${by}: ${excerpt(reason)}`), { code, metadata });
  }
}

function credentialsOf({ protocol }: URL, { ca, cert, key }: Tls): ChannelCredentials {
  return protocol === 'https:' ? credentials.createSsl(ca, key, cert) : credentials.createInsecure();
}
