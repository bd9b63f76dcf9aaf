/** How OTLP reaches its endpoint, over gRPC or HTTP. */
import type { OtlpConfig } from '../config/schema.ts';

/** PEM; what is left out is what Node knows, and no certificate of our own. */
export interface Tls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface Connection {
  /** Empty: what OTEL_EXPORTER_OTLP_ENDPOINT and its kin say. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** undefined: what OTEL_EXPORTER_OTLP_CERTIFICATE and its kin say. */
  readonly tls?: Tls | undefined;
  readonly compression?: 'none' | 'gzip';
  /** How long one export may take, in ms; then it has failed. */
  readonly timeoutMs: number;
  /** Whether OTEL_EXPORTER_OTLP_HEADERS and its kin are meant for somebody else. */
  readonly isPrivate?: boolean;
}

/**
 * The variables' tokens, certificates and keys are for the endpoint that the variables name: what has a name has an
 * endpoint of its own, and so has what replaces the variables' endpoint.
 */
export function connectionOf(name: string, settings: OtlpConfig, tls: Tls | undefined, env = process.env): Connection {
  const { endpoint, headers, compression, timeout_ms: timeoutMs } = settings;
  const isPrivate = endpoint !== '' && (name.includes('/') || ENDPOINTS.some((variable) => Boolean(env[variable])));
  return { endpoint, headers, compression, timeoutMs, isPrivate, tls: tls ?? (isPrivate ? {} : undefined) };
}

const PREFIX = 'OTEL_EXPORTER_OTLP_';
const ENDPOINTS = ['ENDPOINT', 'METRICS_ENDPOINT', 'LOGS_ENDPOINT'].map((name) => PREFIX + name);

/** Creates an exporter of OpenTelemetry's, which reads the variables then and there, and would add them to what it is given. */
export function createExporter<T>({ isPrivate = false }: Connection, create: () => T): T {
  if (!isPrivate) return create();
  const hidden = Object.entries(process.env).filter(([name]) => name.startsWith(PREFIX));
  for (const [name] of hidden) delete process.env[name];
  try {
    return create();
  } finally {
    Object.assign(process.env, Object.fromEntries(hidden));
  }
}
