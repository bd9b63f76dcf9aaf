/** The whole way of the data, from the kernel's counts to the exporters; stopping goes the other way. */
import type { Resource } from '@opentelemetry/resources';
import { AggregationTemporality, MeterProvider, type MetricReader } from '@opentelemetry/sdk-metrics';
import { exponentialOf, exportersOf } from './config/exporters.ts';
import { attributeActions } from './config/processors.ts';
import type { Config, Exporters, OtlpConfig } from './config/schema.ts';
import { type Credentials, readCredentials } from './exporters/credentials.ts';
import type { OtlpLogs } from './exporters/otlp-logs.ts';
import { PrometheusEndpoint } from './exporters/prometheus.ts';
import { Health } from './health.ts';
import type { Logger } from './log.ts';
import { observeLogs, observeProcess, observeSelf, sourcesOf } from './metrics/instruments.ts';
import { KernelMetrics } from './metrics/kernel-metrics.ts';
import { OomRecords } from './metrics/oom-record.ts';
import { createProducer } from './metrics/producer.ts';
import { viewOptions } from './metrics/views.ts';
import { serviceResource } from './resource.ts';
import { type Running, startReceivers } from './start-receivers.ts';
import { assignSockets, type ListeningSocket } from './systemd.ts';

export interface Service {
  /** Where the metrics are, such as `http://127.0.0.1:9090/metrics`; null without the Prometheus exporter. */
  readonly url: string | null;
  /** How it does, in one line for people. */
  status(): string;
  /** Exports once more, closes the exporters and detaches the probes. Safe to call twice. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** What systemd listens on for us: endpoints take them instead of their host and port. */
  readonly sockets?: readonly ListeningSocket[];
}

/** How long the last export may take, in ms, whatever the configuration allows the others. */
const LAST_EXPORT_MS = 4000;

/** Starts everything the configuration asks for. Throws, with nothing left behind, when it cannot. */
export async function startService(config: Config, log: Logger, { sockets = [] }: StartOptions = {}): Promise<Service> {
  const views = viewOptions(config.views, attributeActions(config));
  const health = new Health(log);
  const kernel = new KernelMetrics(views);
  const records = new OomRecords();

  // First, so that files that cannot be used, and a port in use, are known before anything is loaded.
  const credentials = await readCredentials(config);
  const prometheus = exportersOf(config, 'prometheus');
  const assigned = assignSockets(
    prometheus.map(({ name }) => name),
    sockets,
  );
  for (const [exporter, { fd, name }] of assigned) {
    log.info('Listening on a socket of systemd instead of host and port', { exporter, socket: name, fd });
  }
  for (const { name, fd } of sockets.filter((socket) => ![...assigned.values()].includes(socket))) {
    log.warn(`No Prometheus endpoint is there for the socket "${name}" of systemd`, { fd });
  }
  const endpoints = await Promise.all(
    prometheus.map(({ name, settings }) =>
      createEndpoint({ ...settings, socket: assigned.get(name) }, kernel, records, health, log),
    ),
  );
  const stopEndpoints = (): Promise<unknown> => Promise.all(endpoints.map((endpoint) => endpoint.stop()));
  let url: string | null = null;
  let receivers: Running[];
  try {
    for (const endpoint of endpoints) {
      const address = await endpoint.start();
      url ??= address;
    }
    receivers = await startReceivers({ config, views, kernel, records, health, log });
  } catch (error) {
    await stopEndpoints();
    throw error;
  }
  const pushes = await createPushes(config, credentials, kernel, health);
  const resource = serviceResource(config);
  const logs = await createLogs(config, credentials, resource, health);
  for (const { emit } of logs) {
    for (const record of records.last) emit(record);
    records.onAdd(emit);
  }
  if (endpoints.length + pushes.length === 0) log.warn('Nothing is exported: exporters.otlp.endpoint is empty');

  const readers = [...endpoints.map(({ reader }) => reader), ...pushes.map(({ reader }) => reader)];
  new MeterProvider({ resource, readers });
  const observer = sourcesOf(kernel);
  observeProcess(observer);
  observeSelf(observer, health);
  if (logs.length > 0)
    observeLogs(observer, { dropped: () => logs.reduce((sum, exporter) => sum + exporter.dropped(), 0) });
  for (const receiver of receivers) receiver.observe(observer);

  const methods = health.readiness().probes.map(({ probe, method }) => [probe, method]);
  log.info('Floatie is measuring', {
    url,
    ...Object.fromEntries(methods),
    otlp: pushes.some(({ name }) => name.startsWith('otlp')),
  });

  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    for (const receiver of receivers) receiver.settle?.();
    await Promise.all([
      stopEndpoints(),
      ...pushes.map(({ name, reader }) =>
        reader.shutdown({ timeoutMillis: LAST_EXPORT_MS }).catch((error: Error) => health.exported(name, error)),
      ),
      ...logs.map((exporter) => exporter.stop(LAST_EXPORT_MS)),
    ]);
    for (const receiver of receivers) receiver.stop();
  };
  return {
    url,
    status() {
      // Nobody has collected yet while there are none.
      const series = kernel.seriesCount();
      return [health.summary(), ...(series > 0 ? [`${series} series`] : []), url ?? 'no port'].join('; ');
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function createEndpoint(
  {
    host,
    port,
    socket,
    timeout_ms: timeoutMs,
    web_config_file: file,
  }: Exporters['prometheus'] & { readonly socket: ListeningSocket | undefined },
  kernel: KernelMetrics,
  records: OomRecords,
  health: Health,
  log: Logger,
): Promise<PrometheusEndpoint> {
  // The machinery of TLS takes 4 MB: only when it is on.
  const web = file === '' ? null : new (await import('./exporters/web.ts')).Web(file, log);
  return new PrometheusEndpoint({
    host,
    port,
    socket,
    timeoutMs,
    web,
    producers: [createProducer(kernel, { temporality: AggregationTemporality.CUMULATIVE })],
    readiness: () => health.readiness(),
    records: () => records.last,
    onError: (error) => health.collectFailed(error),
  });
}

interface Push {
  /** As the configuration calls it. */
  readonly name: string;
  readonly reader: MetricReader;
}

/** What pushes metrics; OTLP has none while it is off. */
async function createPushes(
  config: Config,
  credentials: Credentials,
  kernel: KernelMetrics,
  health: Health,
): Promise<Push[]> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: metrics } = process.env;
  const isOn = ({ settings }: { settings: OtlpConfig }): boolean => Boolean(settings.endpoint || all || metrics);
  const onExport = (name: string) => (error: Error | null) => health.exported(name, error);
  const optionsOf = (name: string, settings: OtlpConfig) => {
    const { endpoint, headers, temporality, interval_ms: intervalMs } = settings;
    // An export that is still under way when the next one is due must not arrive after it.
    const timeoutMs = Math.min(settings.timeout_ms, intervalMs);
    const exponential = exponentialOf(settings);
    const form = {
      temporality: AggregationTemporality[temporality === 'cumulative' ? 'CUMULATIVE' : 'DELTA'],
      lowMemory: temporality === 'lowmemory',
      ...(exponential !== undefined && { exponential }),
    };
    const producers = [createProducer(kernel, form)];
    return { endpoint, headers, temporality, intervalMs, timeoutMs, producers, onExport: onExport(name) };
  };
  const pushes: Push[] = [];
  // gRPC is the largest thing Floatie imports: only when it is on.
  for (const { name, settings } of exportersOf(config, 'otlp').filter(isOn)) {
    const { createOtlpReader } = await import('./exporters/otlp.ts');
    pushes.push({
      name,
      reader: createOtlpReader({ ...optionsOf(name, settings), credentials: credentials.get(name) }),
    });
  }
  for (const { name, settings } of exportersOf(config, 'otlphttp').filter(isOn)) {
    const { createOtlpHttpReader } = await import('./exporters/otlphttp.ts');
    pushes.push({ name, reader: createOtlpHttpReader(optionsOf(name, settings)) });
  }
  for (const { name, settings } of exportersOf(config, 'debug')) {
    const { createDebugReader } = await import('./exporters/debug.ts');
    const { verbosity, interval_ms: intervalMs } = settings;
    const producers = [createProducer(kernel, { temporality: AggregationTemporality.CUMULATIVE })];
    const options = { intervalMs, timeoutMs: intervalMs, producers, onExport: onExport(name) };
    pushes.push({ name, reader: createDebugReader({ verbosity, ...options }) });
  }
  return pushes;
}

/** Of the records of OOM kills, by each OTLP over gRPC that is on. */
async function createLogs(
  config: Config,
  credentials: Credentials,
  resource: Resource,
  health: Health,
): Promise<OtlpLogs[]> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: logs } = process.env;
  if (!config.service.pipelines.metrics.receivers.includes('oom')) return [];
  const exporters = exportersOf(config, 'otlp').filter(({ settings }) => settings.endpoint || all || logs);
  if (exporters.length === 0) return [];
  const { createOtlpLogs } = await import('./exporters/otlp-logs.ts');
  return exporters.map(({ name, settings }) => {
    const { endpoint, headers, interval_ms: intervalMs, timeout_ms: timeoutMs } = settings;
    const onExport = (error: Error | null): void => health.exported(name.replace('otlp', 'otlp_logs'), error);
    const options = { endpoint, headers, credentials: credentials.get(name), intervalMs, timeoutMs };
    return createOtlpLogs({ ...options, resource, onExport });
  });
}
