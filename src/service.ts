/** The whole way of the data, from the kernel's counts to the exporters; stopping goes the other way. */
import type { Resource } from '@opentelemetry/resources';
import { AggregationTemporality, MeterProvider, type MetricReader } from '@opentelemetry/sdk-metrics';
import { exponentialOf } from './config/exponential.ts';
import type { Config } from './config/schema.ts';
import type { OtlpLogs } from './exporters/otlp-logs.ts';
import { PrometheusEndpoint } from './exporters/prometheus.ts';
import { Health } from './health.ts';
import type { Logger } from './log.ts';
import { observeLogs, observeProcess, observeSelf } from './metrics/instruments.ts';
import { KernelMetrics } from './metrics/kernel-metrics.ts';
import { OomRecords } from './metrics/oom-record.ts';
import { createProducer, SCOPE } from './metrics/producer.ts';
import { viewOptions } from './metrics/views.ts';
import { serviceResource } from './resource.ts';
import { type Running, startReceivers } from './start-receivers.ts';

export interface Service {
  /** Where the metrics are, such as `http://127.0.0.1:9090/metrics`; null without the Prometheus exporter. */
  readonly url: string | null;
  /** Exports once more, closes the exporters and detaches the probes. Safe to call twice. */
  stop(): Promise<void>;
}

/** How long the last export may take, in ms, whatever the configuration allows the others. */
const LAST_EXPORT_MS = 4000;

/** Starts everything the configuration asks for. Throws, with nothing left behind, when it cannot. */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const { exporters } = config.service.pipelines.metrics;
  const views = viewOptions(config.views);
  const health = new Health(log);
  const kernel = new KernelMetrics(views);
  const records = new OomRecords();

  // First, so that a port in use is known before anything is loaded.
  const endpoint = exporters.includes('prometheus') ? createEndpoint(config, kernel, records, health) : null;
  const url = (await endpoint?.start()) ?? null;
  let receivers: Running[];
  try {
    receivers = await startReceivers({ config, views, kernel, records, health, log });
  } catch (error) {
    await endpoint?.stop();
    throw error;
  }
  const otlp = exporters.includes('otlp') ? await createOtlp(config, kernel, health) : null;
  const resource = serviceResource(config);
  const logs = exporters.includes('otlp') ? await createLogs(config, resource, health) : null;
  if (logs !== null) for (const record of records.last) logs.emit(record);
  if (logs !== null) records.onAdd(logs.emit);
  if (endpoint === null && otlp === null) log.warn('Nothing is exported: exporters.otlp.endpoint is empty');

  const readers = [endpoint?.reader, otlp].filter((reader): reader is MetricReader => reader != null);
  const provider = new MeterProvider({ resource, views, readers });
  const meter = provider.getMeter(SCOPE.name);
  observeProcess(meter);
  observeSelf(meter, health);
  if (logs !== null) observeLogs(meter, logs);
  for (const receiver of receivers) receiver.observe(meter);

  const methods = health.readiness().probes.map(({ probe, method }) => [probe, method]);
  log.info('Floatie is measuring', { url, ...Object.fromEntries(methods), otlp: otlp !== null });

  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    for (const receiver of receivers) receiver.settle?.();
    await Promise.all([
      endpoint?.stop(),
      otlp?.shutdown({ timeoutMillis: LAST_EXPORT_MS }).catch((error: Error) => health.exported('otlp', error)),
      logs?.stop(LAST_EXPORT_MS),
    ]);
    for (const receiver of receivers) receiver.stop();
  };
  return {
    url,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function createEndpoint(
  config: Config,
  kernel: KernelMetrics,
  records: OomRecords,
  health: Health,
): PrometheusEndpoint {
  const { host, port, timeout_ms: timeoutMs } = config.exporters.prometheus;
  return new PrometheusEndpoint({
    host,
    port,
    timeoutMs,
    producers: [createProducer(kernel, { temporality: AggregationTemporality.CUMULATIVE })],
    readiness: () => health.readiness(),
    records: () => records.last,
    onError: (error) => health.collectFailed(error),
  });
}

/** null while OTLP is off. */
async function createOtlp(config: Config, kernel: KernelMetrics, health: Health): Promise<MetricReader | null> {
  const { endpoint, interval_ms: intervalMs, timeout_ms: timeoutMs, temporality } = config.exporters.otlp;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: metrics } = process.env;
  if (!(endpoint || all || metrics)) return null;
  const exponential = exponentialOf(config);
  const form = {
    temporality: AggregationTemporality[temporality === 'cumulative' ? 'CUMULATIVE' : 'DELTA'],
    lowMemory: temporality === 'lowmemory',
    ...(exponential !== undefined && { exponential }),
  };
  // gRPC is the largest thing Floatie imports: only when it is on.
  const { createOtlpReader } = await import('./exporters/otlp.ts');
  return createOtlpReader({
    endpoint,
    intervalMs,
    timeoutMs,
    temporality,
    producers: [createProducer(kernel, form)],
    onExport: (error) => health.exported('otlp', error),
  });
}

/** Of the records of OOM kills; null while OTLP is off. */
async function createLogs(config: Config, resource: Resource, health: Health): Promise<OtlpLogs | null> {
  const { endpoint, interval_ms: intervalMs, timeout_ms: timeoutMs } = config.exporters.otlp;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: logs } = process.env;
  const hasKills = config.service.pipelines.metrics.receivers.includes('oom');
  if (!hasKills || !(endpoint || all || logs)) return null;
  const { createOtlpLogs } = await import('./exporters/otlp-logs.ts');
  const onExport = (error: Error | null): void => health.exported('otlp_logs', error);
  return createOtlpLogs({ endpoint, intervalMs, timeoutMs, resource, onExport });
}
