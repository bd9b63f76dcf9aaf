/** Where OpenTelemetry's variables send OTLP, by which protocol, and what of that Floatie cannot do. */
import { type Env, pairsOf } from './environment.ts';
import { typeOf } from './pipeline.ts';
import type { OtlpConfig } from './schema.ts';

type OtlpType = 'otlp' | 'otlphttp';
const SIGNALS = ['METRICS', 'LOGS'] as const;
type Signal = (typeof SIGNALS)[number];

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
  return PROTOCOLS.get(nearer(env, 'METRICS', 'PROTOCOL')?.value ?? '');
}

/** @param exporters those of OTLP in the pipeline */
export function otlpWarnings(
  env: Env,
  exporters: readonly { readonly name: string; readonly settings: OtlpConfig }[],
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
    .map((name) => `OTEL_EXPORTER_OTLP_${name}`)
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
  const { name, value } = variable;
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
  if (type === 'otlphttp' || value.includes('://') || nearer(env, signal, 'INSECURE')?.value === 'true') return [];
  return [`${name}: has no scheme, so "otlp" uses TLS; begin it with http:// for a connection without`];
}

/** gRPC knows sockets, and an address alone. */
function isEndpoint(type: OtlpType, value: string): boolean {
  if (/^https?:\/\//i.test(value)) return (URL.parse(value)?.hostname ?? '') !== '';
  return type === 'otlp' && (/^unix:\/\/\/./.test(value) || /^(\[[\da-f:.]+\]|[^:/?#@\s]+)(:\d+)?$/i.test(value));
}

/** The variable of the signal, or the one of all signals. */
function nearer(env: Env, signal: Signal, what: string): { name: string; value: string } | null {
  for (const name of [`OTEL_EXPORTER_OTLP_${signal}_${what}`, `OTEL_EXPORTER_OTLP_${what}`]) {
    const value = env[name]?.trim() ?? '';
    if (value !== '') return { name, value: what === 'ENDPOINT' ? value : value.toLowerCase() };
  }
  return null;
}
