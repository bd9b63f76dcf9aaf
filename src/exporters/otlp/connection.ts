/** How OTLP reaches its endpoint over gRPC or HTTP: by the configuration, else by OTEL_EXPORTER_OTLP_*. */
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import { endpointFrom } from '../../config/otlp-variables.ts';
import type { OtlpConfig } from '../../config/schema.ts';
import { type TlsSource, tlsOfVariables } from '../credentials.ts';

export type Signal = 'metrics' | 'logs';

export interface Connection {
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
}

/** A connection with all defaults resolved. */
export interface Destination extends Required<Omit<Connection, 'endpoint' | 'isPrivate' | 'tls'>> {
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
  tls: TlsSource | undefined,
  env = process.env,
): Connection {
  const { endpoint, headers, compression, timeout_ms: timeoutMs } = settings;
  const isPrivate = endpoint !== '' && (name.includes('/') || ENDPOINTS.some((variable) => Boolean(env[variable])));
  return { endpoint, headers, compression, timeoutMs, isPrivate, tls: tls ?? (isPrivate ? () => ({}) : undefined) };
}

const PREFIX = 'OTEL_EXPORTER_OTLP_';
const ENDPOINTS = ['ENDPOINT', 'METRICS_ENDPOINT', 'LOGS_ENDPOINT'].map((name) => PREFIX + name);

/** The destination of a signal over gRPC, where all signals share one URL. */
export function grpcDestination(connection: Connection, signal: Signal, env = process.env): Destination {
  const given = endpointOf(connection, 'otlp', signal, env) ?? 'http://localhost:4317';
  const isPlain = variable('INSECURE', signal, env)?.toLowerCase() === 'true';
  const url = new URL(given.includes('://') ? given : `${isPlain ? 'http' : 'https'}://${given}`);
  return { ...restOf(connection, signal, env), url, port: explicitPort(given) ?? GRPC_PORT };
}

/** The destination of a signal over HTTP: a path below the endpoint, unless a variable has the signal's whole URL. */
export function httpDestination(connection: Connection, signal: Signal, env = process.env): Destination {
  const url = new URL(endpointOf(connection, 'otlphttp', signal, env) ?? 'http://localhost:4318');
  const isWhole = connection.endpoint === '' && Boolean(env[`${PREFIX}${signal.toUpperCase()}_ENDPOINT`]?.trim());
  if (!isWhole) {
    // A signal's path at the end of the endpoint is replaced, so that the endpoint works for all signals.
    url.pathname = `${url.pathname.replace(/(\/v1\/(metrics|logs|traces))?\/*$/, '')}/v1/${signal}`;
  }
  return { ...restOf(connection, signal, env), url, port: Number(url.port) || (HTTP_PORTS[url.protocol] ?? 0) };
}

function endpointOf({ endpoint }: Connection, type: 'otlp' | 'otlphttp', signal: Signal, env: NodeJS.ProcessEnv) {
  return endpoint === '' ? endpointFrom(env, type, signal === 'metrics' ? 'METRICS' : 'LOGS') : endpoint;
}

/** The port that is written in a URL, also the scheme's default. */
function explicitPort(text: string): number | undefined {
  const [, port] = /^(?:[a-z]+:\/\/)?[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(text) ?? [];
  return port === undefined ? undefined : Number(port);
}

function restOf(connection: Connection, signal: Signal, env: NodeJS.ProcessEnv): Omit<Destination, 'url' | 'port'> {
  const { headers, compression = 'none', timeoutMs, isPrivate = false } = connection;
  const tls = connection.tls ?? tlsOfVariables((name) => variable(name, signal, env));
  const inherited = isPrivate ? {} : headersOf(signal, env);
  return { headers: { ...inherited, ...lowerCase(headers) }, compression, timeoutMs, tls };
}

function headersOf(signal: Signal, env: NodeJS.ProcessEnv): Record<string, string> {
  const names = [`${PREFIX}HEADERS`, `${PREFIX}${signal.toUpperCase()}_HEADERS`];
  return Object.assign({}, ...names.map((name) => lowerCase(parseKeyPairsIntoRecord(env[name]))));
}

function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The variable of this signal, else the one for all signals. */
function variable(name: string, signal: Signal, env: NodeJS.ProcessEnv): string | undefined {
  const [own, all] = [env[`${PREFIX}${signal.toUpperCase()}_${name}`]?.trim(), env[`${PREFIX}${name}`]?.trim()];
  return own || all || undefined;
}

/** A URL for messages, without secrets. */
export function shown(url: URL): string {
  const path = url.pathname === '/' ? '' : url.pathname;
  return `${url.protocol}//${url.host}${path}${url.search === '' ? '' : '?…'}`;
}
