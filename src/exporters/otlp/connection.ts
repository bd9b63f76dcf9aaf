/** How OTLP reaches its endpoint over gRPC or HTTP: by the configuration, else by OTEL_EXPORTER_OTLP_*. */
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import { type Inherited, inheritedFrom } from '../../config/inherited.ts';
import type { Proxies } from '../../config/proxies.ts';
import type { OtlpConfig } from '../../config/schema.ts';
import { type TlsSource, tlsOfVariables } from '../credentials.ts';

export type Signal = 'metrics' | 'logs';

export interface Connection {
  /** The variables that count where the configuration has no setting; absent: none. */
  readonly inherited?: Pick<Inherited, 'otlp' | 'proxies'>;
  /** Empty: OTEL_EXPORTER_OTLP_ENDPOINT or …_METRICS_ENDPOINT, …_LOGS_ENDPOINT. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** undefined: OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_KEY and …_CLIENT_CERTIFICATE. */
  readonly tls?: TlsSource | undefined;
  readonly compression?: 'none' | 'gzip';
  /** The timeout of one export, in ms. */
  readonly timeoutMs: number;
  /** Ignores headers and certificates of OTEL_EXPORTER_OTLP_*, which are meant for another endpoint. */
  readonly isPrivate?: boolean;
  /** Whether each container has a resource of its own. */
  readonly isByContainer?: boolean;
}

/** A connection with all defaults resolved. */
export interface Destination
  extends Required<Omit<Connection, 'endpoint' | 'isPrivate' | 'isByContainer' | 'tls' | 'inherited'>> {
  readonly proxies: Proxies;
  readonly tls: TlsSource;
  readonly url: URL;
  /** Explicit, because URL drops its scheme's default port, and gRPC's default is another. */
  readonly port: number;
}

const HTTP_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
/** gRPC's default port for any scheme. */
const GRPC_PORT = 443;

/**
 * Tokens, certificates and keys in variables are for the endpoint in the variables. An exporter with a name, or with an
 * endpoint in the configuration, has another endpoint.
 */
export function connectionOf(
  name: string,
  settings: OtlpConfig,
  inherited: Pick<Inherited, 'otlp' | 'proxies'>,
  tls: TlsSource | undefined,
): Connection {
  const { endpoint, headers, compression, timeout_ms: timeoutMs, resource_per_container: isByContainer } = settings;
  const isPrivate = endpoint !== '' && (name.includes('/') || inherited.otlp.hasEndpoint);
  const files = tls ?? (isPrivate ? () => ({}) : undefined);
  return { inherited, endpoint, headers, compression, timeoutMs, isPrivate, isByContainer, tls: files };
}

const NOTHING = inheritedFrom({});

/** The destination of a signal over gRPC, where all signals share one URL. */
export function grpcDestination(connection: Connection, signal: Signal): Destination {
  const { endpoint, inherited: { otlp } = NOTHING } = connection;
  const { endpoints, isInsecure } = otlp[signal];
  const given = endpoint === '' ? (endpoints.otlp ?? 'http://localhost:4317') : endpoint;
  const url = new URL(given.includes('://') ? given : `${isInsecure ? 'http' : 'https'}://${given}`);
  return { ...restOf(connection, signal), url, port: explicitPort(given) ?? GRPC_PORT };
}

/** The destination of a signal over HTTP: a path below the endpoint, unless a variable has the signal's whole URL. */
export function httpDestination(connection: Connection, signal: Signal): Destination {
  const { endpoint, inherited: { otlp } = NOTHING } = connection;
  const { endpoints, isWhole } = otlp[signal];
  const url = new URL(endpoint === '' ? (endpoints.otlphttp ?? 'http://localhost:4318') : endpoint);
  if (endpoint !== '' || !isWhole) {
    // A signal's path at the end of the endpoint is replaced, so that the endpoint works for all signals.
    url.pathname = `${url.pathname.replace(/(\/v1\/(metrics|logs|traces))?\/*$/, '')}/v1/${signal}`;
  }
  return { ...restOf(connection, signal), url, port: Number(url.port) || (HTTP_PORTS[url.protocol] ?? 0) };
}

/** The port that is written in a URL, also the scheme's default. */
function explicitPort(text: string): number | undefined {
  const [, port] = /^(?:[a-z]+:\/\/)?[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(text) ?? [];
  return port === undefined ? undefined : Number(port);
}

function restOf(connection: Connection, signal: Signal): Omit<Destination, 'url' | 'port'> {
  const { inherited: { otlp, proxies } = NOTHING, compression = 'none', timeoutMs, isPrivate = false } = connection;
  const variables = otlp[signal];
  const tls = connection.tls ?? tlsOfVariables(variables.tls);
  const lists = isPrivate ? [] : variables.headers.map(parseKeyPairsIntoRecord);
  const headers = Object.assign({}, ...[...lists, connection.headers].map(lowerCase));
  return { headers, compression, timeoutMs, tls, proxies };
}

function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** A URL for messages, without secrets. */
export function shown(url: URL): string {
  const path = url.pathname === '/' ? '' : url.pathname;
  return `${url.protocol}//${url.host}${path}${url.search === '' ? '' : '?…'}`;
}
