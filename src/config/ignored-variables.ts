/**
 * OpenTelemetry's variables that Floatie knows and does not follow, since its own configuration says the same: a warning
 * where one asks for something else than Floatie does. Those of traces are for others.
 */
import type { Env } from './environment.ts';
import { exportersOf, isOn } from './exporters.ts';
import { typeOf } from './pipeline.ts';
import type { Config, OtlpConfig } from './schema.ts';

const EXPORTERS = 'service.pipelines.metrics.exporters';

/** The types of exporters that do what OTEL_METRICS_EXPORTER can ask for; the first is the one to name. */
const TYPES: ReadonlyMap<string, readonly [string, ...string[]]> = new Map([
  ['otlp', ['otlp', 'otlphttp']],
  ['prometheus', ['prometheus']],
  ['console', ['debug']],
]);

/** How records of OOM kills are gathered and cut is no setting. */
const OF_RECORDS = [
  ...['SCHEDULE_DELAY', 'EXPORT_TIMEOUT', 'MAX_QUEUE_SIZE', 'MAX_EXPORT_BATCH_SIZE'].map((name) => `OTEL_BLRP_${name}`),
  ...['VALUE_LENGTH_LIMIT', 'COUNT_LIMIT'].map((name) => `OTEL_LOGRECORD_ATTRIBUTE_${name}`),
];

export function ignoredVariableWarnings(env: Env, config: Config): string[] {
  return [
    ...metricsExporterWarnings(env, config),
    ...recordWarnings(env, config),
    ...prometheusWarnings(env, config),
    ...logLevelWarnings(env, config),
    ...exemplarWarnings(env),
    ...configFileWarnings(env),
  ];
}

function metricsExporterWarnings(env: Env, config: Config): string[] {
  const named = config.service.pipelines.metrics.exporters.map(typeOf);
  return listOf(env, 'OTEL_METRICS_EXPORTER')
    .flatMap((wanted) => {
      const types = TYPES.get(wanted);
      if (wanted === 'none') return named.length === 0 ? [] : `asks for none, but ${EXPORTERS} names some`;
      if (types === undefined) return 'is ignored: it must be "otlp", "prometheus", "console" or "none"';
      if (!types.some((type) => named.includes(type))) return `asks for ${wanted}; name "${types[0]}" in ${EXPORTERS}`;
      return wanted === 'otlp' && sending(config, 'metrics').length === 0 ? WITHOUT_ENDPOINT : [];
    })
    .map((warning) => `OTEL_METRICS_EXPORTER: ${warning}`);
}

const WITHOUT_ENDPOINT =
  'asks for otlp, which is off until OTEL_EXPORTER_OTLP_ENDPOINT or exporters.otlp.endpoint is set';

/** The log has all records, so "console" is what Floatie does. */
function recordWarnings(env: Env, config: Config): string[] {
  const senders = sending(config, 'logs');
  const asked = listOf(env, 'OTEL_LOGS_EXPORTER').flatMap((wanted) => {
    if (wanted === 'none') return senders.length === 0 ? [] : 'asks for none, but records of OOM kills go by OTLP';
    if (wanted === 'otlp') return senders.length === 0 ? WITHOUT_ENDPOINT : [];
    return wanted === 'console' ? [] : 'is ignored: it must be "otlp", "console" or "none"';
  });
  const differing = senders.flatMap(({ timeout_ms, compression }) => [
    ...differs(env, 'OTEL_EXPORTER_OTLP_LOGS_TIMEOUT', String(timeout_ms)),
    ...differs(env, 'OTEL_EXPORTER_OTLP_LOGS_COMPRESSION', compression),
  ]);
  const bounds = senders.length === 0 ? [] : OF_RECORDS.filter((name) => textOf(env, name) !== '');
  return [
    ...asked.map((warning) => `OTEL_LOGS_EXPORTER: ${warning}`),
    ...new Set(differing.map((name) => `${name}: is ignored: records of OOM kills are sent as metrics are`)),
    ...bounds.map((name) => `${name}: is ignored: Floatie bounds the records of OOM kills itself`),
  ];
}

function prometheusWarnings(env: Env, config: Config): string[] {
  return exportersOf(config, 'prometheus').flatMap(({ name, settings: { host, port } }) =>
    [
      ...differs(env, 'OTEL_EXPORTER_PROMETHEUS_HOST', ...(host === '127.0.0.1' ? [host, 'localhost'] : [host])),
      ...differs(env, 'OTEL_EXPORTER_PROMETHEUS_PORT', String(port)),
    ].map((variable) => `${variable}: is ignored: exporters.${name} says where Floatie listens`),
  );
}

/** OpenTelemetry has more levels than Floatie, at both ends. */
function logLevelWarnings(env: Env, config: Config): string[] {
  const { log_level: level } = config.service.telemetry;
  const same = level === 'debug' ? [level, 'verbose', 'all'] : [level];
  return differs(env, 'OTEL_LOG_LEVEL', ...same).map(
    (name) => `${name}: is ignored: service.telemetry.log_level says what is logged`,
  );
}

function exemplarWarnings(env: Env): string[] {
  return differs(env, 'OTEL_METRICS_EXEMPLAR_FILTER', 'always_off', 'trace_based').map(
    (name) => `${name}: is ignored: the exemplars of Floatie's metrics are slow operations`,
  );
}

function configFileWarnings(env: Env): string[] {
  return ['OTEL_CONFIG_FILE', 'OTEL_EXPERIMENTAL_CONFIG_FILE']
    .filter((name) => textOf(env, name) !== '')
    .map((name) => `${name}: is ignored: Floatie reads --config, which has a form of its own`);
}

/** The exporters of OTLP that send this signal. */
function sending(config: Config, signal: 'metrics' | 'logs'): OtlpConfig[] {
  return (['otlp', 'otlphttp'] as const).flatMap((type) =>
    exportersOf(config, type)
      .map(({ settings }) => settings)
      .filter((settings) => isOn(settings, type, signal, config.inherited)),
  );
}

/** @returns the variable, where it is set and has none of these values */
function differs(env: Env, name: string, ...values: readonly string[]): string[] {
  const value = textOf(env, name);
  return value === '' || values.includes(value) ? [] : [name];
}

function listOf(env: Env, name: string): string[] {
  const values = textOf(env, name).split(',');
  return [...new Set(values.map((value) => value.trim()))].filter((value) => value !== '');
}

function textOf(env: Env, name: string): string {
  return (env[name] ?? '').trim().toLowerCase();
}
