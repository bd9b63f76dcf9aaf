/**
 * OpenTelemetry's own variables that stand for settings: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * They are set for all programs, so an unusable value is ignored with a warning, as OpenTelemetry demands. Warnings
 * name the variable and never show its value.
 */

export type Env = Readonly<Record<string, string | undefined>>;

/** The variables of each setting, of which the first usable one counts. */
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

/** The set variables for an exporter's settings, in the order of precedence. */
export function exporterVariables(env: Env, type: string): { setting: string; name: string; text: string }[] {
  return VARIABLES.filter(({ types }) => types.includes(type)).flatMap(({ setting, names }) =>
    // The specification calls names of temporalities and aggregations "case insensitive".
    names.map((name) => ({ setting, name, text: (env[name] ?? '').trim().toLowerCase() })).filter(({ text }) => text),
  );
}

/** The attributes of OTEL_RESOURCE_ATTRIBUTES, of which an error makes all invalid, and OTEL_SERVICE_NAME. */
export function resourceVariables(env: Env): { attributes: Record<string, string>; warnings: string[] } {
  const { OTEL_RESOURCE_ATTRIBUTES: list = '', OTEL_SERVICE_NAME: service = '' } = env;
  const entries = pairsOf(list);
  const name: [string, string][] = service.trim() === '' ? [] : [['service.name', service]];
  const attributes = Object.fromEntries([...(entries ?? []), ...name]);
  const form =
    'OTEL_RESOURCE_ATTRIBUTES: is ignored: it must look like key=value,key=value, with %25 for a percent sign';
  return { attributes, warnings: entries === null ? [form] : [] };
}

/** Parses `key=value,key=value`, percent-encoded; null for anything else. */
export function pairsOf(list: string): [key: string, value: string][] | null {
  const pairs = list.split(',').filter((pair) => pair.trim() !== '');
  try {
    const entries = pairs.map((pair): [string, string] => {
      const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
      return [decodeURIComponent(key.trim()), decodeURIComponent(value.trim())];
    });
    return entries.some(([key]) => key === '') ? null : entries;
  } catch {
    return null; // "%" without two hexadecimal digits, or invalid UTF-8
  }
}

/** Whether OTEL_SDK_DISABLED is "true". */
export function isSdkDisabled(env: Env): boolean {
  return switchOf(env, 'OTEL_SDK_DISABLED') === 'true';
}

const SWITCHES = ['OTEL_SDK_DISABLED', 'OTEL_EXPORTER_OTLP_INSECURE', 'OTEL_EXPORTER_OTLP_METRICS_INSECURE'];

export function switchWarnings(env: Env): string[] {
  return SWITCHES.filter((name) => !['', 'true', 'false'].includes(switchOf(env, name))).map(
    (name) => `${name}: is ignored: it must be true or false`,
  );
}

function switchOf(env: Env, name: string): string {
  return (env[name] ?? '').trim().toLowerCase();
}
