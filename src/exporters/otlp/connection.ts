/** How OTLP reaches its endpoint, over gRPC or HTTP: what the configuration says, and OTEL_EXPORTER_OTLP_* below it. */
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import { endpointFrom } from '../../config/otlp-variables.ts';
import type { OtlpConfig } from '../../config/schema.ts';
import { type TlsSource, tlsOfVariables } from '../credentials.ts';

export type Signal = 'metrics' | 'logs';

export interface Connection {
  /** Empty: what OTEL_EXPORTER_OTLP_ENDPOINT and its kin say. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** undefined: what OTEL_EXPORTER_OTLP_CERTIFICATE and its kin say. */
  readonly tls?: TlsSource | undefined;
  readonly compression?: 'none' | 'gzip';
  /** How long one export may take, in ms; then it has failed. */
  readonly timeoutMs: number;
  /** Whether OTEL_EXPORTER_OTLP_HEADERS and its kin are meant for somebody else. */
  readonly isPrivate?: boolean;
}

/** A connection with nothing left open. */
export interface Destination extends Required<Omit<Connection, 'endpoint' | 'isPrivate' | 'tls'>> {
  readonly tls: TlsSource;
  readonly url: URL;
  /** The URL leaves out the port of its scheme, which is not that of gRPC. */
  readonly port: number;
}

const HTTP_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
/** Whatever the scheme. */
const GRPC_PORT = 443;

/**
 * The variables' tokens, certificates and keys are for the endpoint that the variables name: what has a name has an
 * endpoint of its own, and so has what replaces the variables' endpoint.
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

/** Of a signal over gRPC, which has one URL for all. */
export function grpcDestination(connection: Connection, signal: Signal, env = process.env): Destination {
  const given = endpointOf(connection, 'otlp', signal, env) ?? 'http://localhost:4317';
  const isPlain = variable('INSECURE', signal, env)?.toLowerCase() === 'true';
  const url = new URL(given.includes('://') ? given : `${isPlain ? 'http' : 'https'}://${given}`);
  return { ...restOf(connection, signal, env), url, port: explicitPort(given) ?? GRPC_PORT };
}

/** Of a signal over HTTP: below the endpoint, unless a variable names the whole URL. */
export function httpDestination(connection: Connection, signal: Signal, env = process.env): Destination {
  const url = new URL(endpointOf(connection, 'otlphttp', signal, env) ?? 'http://localhost:4318');
  const isWhole = connection.endpoint === '' && Boolean(env[`${PREFIX}${signal.toUpperCase()}_ENDPOINT`]?.trim());
  if (!isWhole) {
    // The path of a signal at the end of an endpoint is meant for all signals.
    url.pathname = `${url.pathname.replace(/(\/v1\/(metrics|logs|traces))?\/*$/, '')}/v1/${signal}`;
  }
  return { ...restOf(connection, signal, env), url, port: Number(url.port) || (HTTP_PORTS[url.protocol] ?? 0) };
}

function endpointOf({ endpoint }: Connection, type: 'otlp' | 'otlphttp', signal: Signal, env: NodeJS.ProcessEnv) {
  return endpoint === '' ? endpointFrom(env, type, signal === 'metrics' ? 'METRICS' : 'LOGS') : endpoint;
}

/** The one that a URL's text names. */
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

/** What a variable says for this signal, or else for all. */
function variable(name: string, signal: Signal, env: NodeJS.ProcessEnv): string | undefined {
  const [own, all] = [env[`${PREFIX}${signal.toUpperCase()}_${name}`]?.trim(), env[`${PREFIX}${name}`]?.trim()];
  return own || all || undefined;
}

/** A URL for people: without what may be secret in it. */
export function shown(url: URL): string {
  const path = url.pathname === '/' ? '' : url.pathname;
  return `${url.protocol}//${url.host}${path}${url.search === '' ? '' : '?…'}`;
}
