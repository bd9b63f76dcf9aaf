/** Where OpenTelemetry's variables send OTLP, by which protocol, and what of that Floatie cannot do. */
import { type Env, pairsOf } from './environment.ts';
import { typeOf } from './pipeline.ts';

export type OtlpType = 'otlp' | 'otlphttp';
const SIGNALS = ['METRICS', 'LOGS'] as const;
type Signal = (typeof SIGNALS)[number];
const PREFIX = 'OTEL_EXPORTER_OTLP_';

/** The variables of one signal, for exporters without a setting of their own. */
export interface SignalVariables {
  /** By type of exporter; null: no endpoint that the type can use. */
  readonly endpoints: Readonly<Record<OtlpType, string | null>>;
  /** Over HTTP the endpoint is the signal's whole URL, to which no path is added. */
  readonly isWhole: boolean;
  /** A gRPC endpoint without a scheme is reached without TLS. */
  readonly isInsecure: boolean;
  /** Lists such as `key=value,key=value`; a later one overrides the ones before. */
  readonly headers: readonly string[];
  /** Paths of files, empty for none. */
  readonly tls: Readonly<Record<keyof typeof TLS_VARIABLES, string>>;
}

export interface OtlpVariables {
  /** A variable names an endpoint, of whatever signal. */
  readonly hasEndpoint: boolean;
  readonly metrics: SignalVariables;
  readonly logs: SignalVariables;
}

/** The variable for each setting below `tls`, without its prefix. */
export const TLS_VARIABLES = {
  ca_file: 'CERTIFICATE',
  cert_file: 'CLIENT_CERTIFICATE',
  key_file: 'CLIENT_KEY',
} as const;

export function otlpVariables(env: Env): OtlpVariables {
  const names = ['ENDPOINT', ...SIGNALS.map((signal) => `${signal}_ENDPOINT`)];
  return {
    hasEndpoint: names.some((name) => Boolean(env[PREFIX + name])),
    metrics: signalVariables(env, 'METRICS'),
    logs: signalVariables(env, 'LOGS'),
  };
}

function signalVariables(env: Env, signal: Signal): SignalVariables {
  const file = (name: string): string => nearer(env, signal, name)?.value ?? '';
  return {
    endpoints: { otlp: endpointFrom(env, 'otlp', signal), otlphttp: endpointFrom(env, 'otlphttp', signal) },
    isWhole: Boolean(env[`${PREFIX}${signal}_ENDPOINT`]?.trim()),
    isInsecure: isInsecure(env, signal),
    headers: [env[`${PREFIX}HEADERS`] ?? '', env[`${PREFIX}${signal}_HEADERS`] ?? ''],
    tls: {
      ca_file: file(TLS_VARIABLES.ca_file),
      cert_file: file(TLS_VARIABLES.cert_file),
      key_file: file(TLS_VARIABLES.key_file),
    },
  };
}

/** What speaks a protocol; JSON goes to the same path as protobuf, and collectors take both there. */
const PROTOCOLS: ReadonlyMap<string, OtlpType> = new Map([
  ['grpc', 'otlp'],
  ['http/protobuf', 'otlphttp'],
  ['http/json', 'otlphttp'],
]);
const SPEAKS: Readonly<Record<OtlpType, string>> = { otlp: 'grpc', otlphttp: 'http/protobuf' };

/** Where a signal goes that an exporter without an endpoint of its own sends; null: nowhere. */
export function endpointFrom(env: Env, type: OtlpType, signal: Signal): string | null {
  const variable = nearer(env, signal, 'ENDPOINT');
  return variable !== null && isEndpoint(type, variable.value) ? variable.value : null;
}

/** The type of exporter that speaks what OTEL_EXPORTER_OTLP_PROTOCOL asks for. */
export function typeFrom(env: Env): OtlpType | undefined {
  return PROTOCOLS.get(nearer(env, 'METRICS', 'PROTOCOL')?.value.toLowerCase() ?? '');
}

/** @param exporters those of OTLP in the pipeline */
export function otlpWarnings(
  env: Env,
  exporters: readonly { readonly name: string; readonly settings: { readonly endpoint: string } }[],
): string[] {
  // What has a name has an endpoint of its own, and nothing to do with the variables.
  const listening = exporters
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, settings }) => ({ type: typeOf(name) as OtlpType, hasEndpoint: settings.endpoint !== '' }));
  const warnings = SIGNALS.flatMap((signal) => [
    ...protocolWarnings(env, signal, listening),
    ...listening.filter(({ hasEndpoint }) => !hasEndpoint).flatMap(({ type }) => endpointWarnings(env, signal, type)),
  ]);
  const headers = ['HEADERS', 'METRICS_HEADERS', 'LOGS_HEADERS']
    .map((name) => PREFIX + name)
    .filter((name) => pairsOf(env[name] ?? '') === null)
    .map((name) => `${name}: what does not look like key=value,key=value, with %25 for a percent sign, is left out`);
  return [...new Set([...warnings, ...headers])];
}

function protocolWarnings(
  env: Env,
  signal: Signal,
  exporters: readonly { readonly type: OtlpType; readonly hasEndpoint: boolean }[],
): string[] {
  const variable = nearer(env, signal, 'PROTOCOL');
  if (variable === null) return [];
  const { name } = variable;
  const value = variable.value.toLowerCase();
  const wanted = PROTOCOLS.get(value);
  if (wanted === undefined) return [`${name}: is ignored: it must be "grpc" or "http/protobuf"`];
  const on = exporters.filter(({ type, hasEndpoint }) => hasEndpoint || endpointFrom(env, type, signal) !== null);
  return on.flatMap(({ type }) => {
    if (type !== wanted) {
      return `${name}: asks for ${value}, but "${type}" speaks ${SPEAKS[type]}; name "${wanted}" in service.pipelines.metrics.exporters`;
    }
    return value === 'http/json' ? `${name}: asks for http/json, but "${type}" speaks http/protobuf` : [];
  });
}

function endpointWarnings(env: Env, signal: Signal, type: OtlpType): string[] {
  const variable = nearer(env, signal, 'ENDPOINT');
  if (variable === null) return [];
  const { name, value } = variable;
  if (!isEndpoint(type, value)) {
    return [
      `${name}: is ignored, and "${type}" sends no ${signal.toLowerCase()}: it must begin with http:// or https://`,
    ];
  }
  if (type === 'otlphttp' || value.includes('://') || isInsecure(env, signal)) return [];
  return [`${name}: has no scheme, so "otlp" uses TLS; begin it with http:// for a connection without`];
}

/** gRPC knows sockets, and an address alone. */
function isEndpoint(type: OtlpType, value: string): boolean {
  if (/^https?:\/\//i.test(value)) return (URL.parse(value)?.hostname ?? '') !== '';
  return type === 'otlp' && (/^unix:\/\/\/./.test(value) || /^(\[[\da-f:.]+\]|[^:/?#@\s]+)(:\d+)?$/i.test(value));
}

function isInsecure(env: Env, signal: Signal): boolean {
  return nearer(env, signal, 'INSECURE')?.value.toLowerCase() === 'true';
}

/** The variable of the signal, or the one of all signals. */
function nearer(env: Env, signal: Signal, what: string): { name: string; value: string } | null {
  for (const name of [`${PREFIX}${signal}_${what}`, `${PREFIX}${what}`]) {
    const value = env[name]?.trim() ?? '';
    if (value !== '') return { name, value };
  }
  return null;
}
