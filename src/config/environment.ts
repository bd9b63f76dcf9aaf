/** OpenTelemetry's own variables that stand for settings: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
import { readScalar } from './substitution.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What a setting has from the first of its variables that is set. Endpoints, headers and certificates are
 * read by OpenTelemetry's exporters themselves. */
const VARIABLES: readonly {
  readonly setting: string;
  readonly types: readonly string[];
  readonly names: readonly string[];
}[] = [
  { setting: 'interval_ms', types: ['otlp', 'otlphttp', 'debug'], names: ['OTEL_METRIC_EXPORT_INTERVAL'] },
  {
    setting: 'timeout_ms',
    types: ['otlp', 'otlphttp'],
    names: ['OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_METRIC_EXPORT_TIMEOUT'],
  },
  {
    setting: 'compression',
    types: ['otlp', 'otlphttp'],
    names: ['OTEL_EXPORTER_OTLP_METRICS_COMPRESSION', 'OTEL_EXPORTER_OTLP_COMPRESSION'],
  },
  {
    setting: 'temporality',
    types: ['otlp', 'otlphttp'],
    names: ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE'],
  },
  {
    setting: 'default_histogram_aggregation',
    types: ['otlp', 'otlphttp'],
    names: ['OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION'],
  },
];

/** The values of OpenTelemetry's variables for `exporters.TYPE.SETTING`, each with the variable's name. */
export function exporterVariables(env: Env): { type: string; setting: string; value: unknown; origin: string }[] {
  return VARIABLES.flatMap(({ setting, types, names }) => {
    const name = names.find((candidate) => isSet(env[candidate]));
    if (name === undefined) return [];
    // The names of temporalities and aggregations are "case insensitive".
    const value = readScalar((env[name] ?? '').toLowerCase());
    return types.map((type) => ({ type, setting, value, origin: name }));
  });
}

/**
 * The attributes in OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME.
 * @throws an Error that begins with the variable's name
 */
export function resourceVariables(env: Env): Record<string, string> {
  const { OTEL_RESOURCE_ATTRIBUTES: list, OTEL_SERVICE_NAME: service } = env;
  const pairs = (list ?? '').split(',').filter((pair) => pair.trim() !== '');
  const entries = pairs.map((pair): [string, string] => {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    if (key.trim() === '') throw new Error(`OTEL_RESOURCE_ATTRIBUTES: must look like key=value,key=value, not ${list}`);
    return [decode(key.trim()), decode(value.trim())];
  });
  return Object.fromEntries(isSet(service) ? [...entries, ['service.name', service]] : entries);
}

/** Whether OTEL_SDK_DISABLED says so; anything but "true" is no. */
export function isSdkDisabled(env: Env): boolean {
  return env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true';
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== '';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`OTEL_RESOURCE_ATTRIBUTES: "${text}" is not percent-encoded; write %25 for a percent sign`);
  }
}
