/** OTLP over gRPC: one call an export, over a connection that is kept. */
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
import { excerpt, type Remark, readAnswer } from '../prometheus/answer.ts';
import { type Destination, type Signal, shown } from './connection.ts';
import type { Transport } from './exporter.ts';
import { type ProxyServer, placeOf, usableProxyFor } from './proxy.ts';

const METHODS: Readonly<Record<Signal, string>> = {
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/** What GRPC_VERBOSITY and GRPC_TRACE ask for; each line begins with a time and a process of its own. */
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
    this.#client?.close(); // when nothing is under way any more
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
      // A connection of its own, which forgets that there was none with the client that had it.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0, // ours, which knows what needs no proxy
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
   * The next export gets a client anew after one that could not connect, or over whose connection nothing came back.
   * gRPC waits for longer and longer before it tries again, up to two minutes, and fails every export meanwhile although
   * the collector may long be back.
   */
  #ended(client: Client, { code }: ServiceError): void {
    if (client !== this.#client || (code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED)) return;
    client.close();
    this.#client = undefined;
  }

  #failure(error: ServiceError): Error {
    const by = this.#proxy === null ? '' : ` through the proxy ${placeOf(this.#proxy)}`;
    // gRPC drops the reason why a proxy does not connect; its own line in the log has it.
    const reason = error.message.replace('Last error: undefined', 'The proxy gives no connection');
    const { code, metadata } = error;
    return Object.assign(new Error(`${shown(this.#destination.url)}${by}: ${excerpt(reason)}`), { code, metadata });
  }
}

function credentialsOf({ protocol }: URL, { ca, cert, key }: Tls): ChannelCredentials {
  return protocol === 'https:' ? credentials.createSsl(ca, key, cert) : credentials.createInsecure();
}
