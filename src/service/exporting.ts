/** What a reload makes anew: the exporters of one configuration, and the readers that collect for them. */
import type { Resource } from '@opentelemetry/resources';
import { AggregationTemporality, MeterProvider, type MetricReader } from '@opentelemetry/sdk-metrics';
import { exponentialOf, exportersOf, isOn, nativeOf } from '../config/exporters.ts';
import type { Instance } from '../config/pipeline.ts';
import type { Config, OtlpConfig } from '../config/schema.ts';
import type { Credentials } from '../exporters/credentials.ts';
import { type Connection, connectionOf, type Signal } from '../exporters/otlp/connection.ts';
import type { LogExporter, OtlpLogs } from '../exporters/otlp/logs.ts';
import type { OnExport } from '../exporters/otlp/push.ts';
import { Scrapes } from '../exporters/prometheus/scrapes.ts';
import type { Form } from '../metrics/metric-data.ts';
import { createProducer, type Producer } from '../metrics/producer.ts';
import type { MetricRegistry } from '../metrics/registry.ts';
import type { Health } from '../program/health.ts';
import { receivers } from '../receivers/index.ts';
import type { TypedRecord } from '../records/schema.ts';
import { serviceResource } from './resource.ts';

const CUMULATIVE: Form = { temporality: AggregationTemporality.CUMULATIVE };
const SCRAPED: Form = { ...CUMULATIVE, lazy: true };

/** How long the last export may take, in ms, whatever the configuration allows the others. */
const LAST_EXPORT_MS = 4000;
/** The same where the export before it failed: time for one attempt, and not for the next ones, which OTLP over HTTP makes. */
const LAST_ATTEMPT_MS = 500;

interface Push {
  /** As the configuration calls it. */
  readonly name: string;
  readonly reader: MetricReader;
}

interface Parts {
  readonly resource: Resource;
  readonly scrapes: ReadonlyMap<string, Scrapes>;
  readonly pushes: readonly Push[];
  /** By the names that the self metrics know, such as `otlp_logs/eu`. */
  readonly logs: ReadonlyMap<string, OtlpLogs>;
  /** By exporter. */
  readonly producers: ReadonlyMap<string, Producer>;
  readonly health: Health;
}

export class Exporting {
  readonly #parts: Parts;
  /** What the exporters before these gave up. */
  readonly #dropped = new Map<string, number>();

  /** Nothing is collected or sent before {@link begin}: it can simply be forgotten. */
  static async create(
    config: Config,
    credentials: Credentials,
    registry: MetricRegistry,
    health: Health,
  ): Promise<Exporting> {
    const producers = new Map<string, Producer>();
    const producersOf = (name: string, form: Form): Producer[] => {
      const producer = createProducer(registry, form, (ms) => health.collected(ms));
      producers.set(name, producer);
      return [producer];
    };
    const onError = (error: unknown): void => health.collectFailed(error);
    const scrapes = exportersOf(config, 'prometheus').map(({ name, settings }): [string, Scrapes] => {
      const { timeout_ms: timeoutMs, native_histograms } = settings;
      const native = nativeOf(settings);
      const producers = producersOf(name, { ...SCRAPED, ...(native !== undefined && { native }) });
      return [name, new Scrapes({ timeoutMs, producers, withClassic: native_histograms === 'with_classic', onError })];
    });
    const pushes = await createPushes(config, credentials, producersOf, health);
    const resource = serviceResource(config);
    const logs = await createLogs(config, credentials, resource, health);
    return new Exporting({ resource, scrapes: new Map(scrapes), pushes, logs, producers, health });
  }

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What scrapes get, by the names of the Prometheus exporters. */
  get scrapes(): ReadonlyMap<string, Scrapes> {
    return this.#parts.scrapes;
  }

  /** The names of the exporters that push. */
  get pushes(): readonly string[] {
    return this.#parts.pushes.map(({ name }) => name);
  }

  get isEmpty(): boolean {
    return this.#parts.scrapes.size + this.#parts.pushes.length === 0;
  }

  /** Collects for scrapes from now on; where another one did before, that one's exporters have what was until now. */
  begin(before: Exporting | null): void {
    const { scrapes, producers } = this.#parts;
    for (const name of before === null ? [] : before.#parts.producers.keys()) producers.get(name)?.takeOver();
    for (const [name, count] of before?.dropped ?? []) this.#dropped.set(name, count);
    this.#provide([...scrapes.values()]);
  }

  /** Sends from now on. After {@link begin}. */
  push(): void {
    this.#provide(this.#parts.pushes);
  }

  #provide(exporters: readonly { readonly reader: MetricReader }[]): void {
    new MeterProvider({ resource: this.#parts.resource, readers: exporters.map(({ reader }) => reader) });
  }

  /** What is counted now is the last that these exporters get. */
  finish(): void {
    for (const producer of this.#parts.producers.values()) producer.finish();
  }

  emit(record: TypedRecord): void {
    for (const exporter of this.#parts.logs.values()) exporter.emit(record);
  }

  /** The number of records in the queue, by exporter. */
  get waiting(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#parts.logs, ([name, exporter]) => [name, exporter.waiting()]));
  }

  /** The number of records that were dropped, by exporter. */
  get dropped(): ReadonlyMap<string, number> {
    const all = new Map(this.#dropped);
    for (const [name, exporter] of this.#parts.logs) all.set(name, (all.get(name) ?? 0) + exporter.dropped());
    return all;
  }

  /** Exports once more; records that could not be sent are `after`'s. */
  async stop(after: Exporting | null = null): Promise<void> {
    const { pushes, logs, health } = this.#parts;
    const lastMs = (name: string): number => (health.isFailing(name) ? LAST_ATTEMPT_MS : LAST_EXPORT_MS);
    await Promise.all([
      ...pushes.map(({ name, reader }) =>
        reader.shutdown({ timeoutMillis: lastMs(name) }).catch((error: Error) => health.exported(name, error)),
      ),
      ...Array.from(logs, async ([name, exporter]) => {
        const rest = await exporter.stop(lastMs(name));
        if (after === null) return;
        const heir = after.#parts.logs.get(name);
        heir?.resume(rest);
        if (heir === undefined) after.#dropped.set(name, (after.#dropped.get(name) ?? 0) + rest.length);
      }),
    ]);
  }
}

/** Those that have somewhere to send a signal to. */
function otlpOf(config: Config, type: 'otlp' | 'otlphttp', signal: Signal): Instance<OtlpConfig>[] {
  return exportersOf(config, type).filter(({ settings }) => isOn(settings, type, signal, config.inherited));
}

/** What pushes metrics; OTLP has none while it is off. */
async function createPushes(
  config: Config,
  credentials: Credentials,
  producersOf: (name: string, form: Form) => Producer[],
  health: Health,
): Promise<Push[]> {
  const onExport =
    (name: string): OnExport =>
    (error, verdict) =>
      health.exported(name, error, verdict);
  const optionsOf = (name: string, settings: OtlpConfig) => {
    const { temporality, interval_ms: intervalMs } = settings;
    const connection = connectionOf(name, settings, config.inherited, credentials.get(name));
    // An export that is still under way when the next one is due must not arrive after it.
    const timeoutMs = Math.min(settings.timeout_ms, intervalMs);
    const exponential = exponentialOf(settings);
    const form = {
      temporality: AggregationTemporality[temporality === 'cumulative' ? 'CUMULATIVE' : 'DELTA'],
      lowMemory: temporality === 'lowmemory',
      ...(exponential !== undefined && { exponential }),
    };
    const producers = producersOf(name, form);
    return { ...connection, intervalMs, timeoutMs, producers, onExport: onExport(name) };
  };
  const pushes: Push[] = [];
  // gRPC is the largest thing Floatie imports: only when it is on.
  for (const { name, settings } of otlpOf(config, 'otlp', 'metrics')) {
    const { createOtlpReader } = await import('../exporters/otlp/grpc.ts');
    pushes.push({ name, reader: createOtlpReader(optionsOf(name, settings)) });
  }
  for (const { name, settings } of otlpOf(config, 'otlphttp', 'metrics')) {
    const { createOtlpHttpReader } = await import('../exporters/otlp/http.ts');
    pushes.push({ name, reader: createOtlpHttpReader(optionsOf(name, settings)) });
  }
  for (const { name, settings } of exportersOf(config, 'debug')) {
    const { createDebugReader } = await import('../exporters/debug.ts');
    const { verbosity, interval_ms: intervalMs } = settings;
    const producers = producersOf(name, CUMULATIVE);
    const options = { intervalMs, producers, onExport: onExport(name) };
    pushes.push({ name, reader: createDebugReader({ verbosity, ...options }) });
  }
  return pushes;
}

/** The exporters of records: one for each OTLP exporter that is on, while a receiver makes records. */
async function createLogs(
  config: Config,
  credentials: Credentials,
  resource: Resource,
  health: Health,
): Promise<Map<string, OtlpLogs>> {
  const all = new Map<string, OtlpLogs>();
  const running = config.service.pipelines.metrics.receivers;
  if (!receivers.some(({ name, records = [] }) => records.length > 0 && running.includes(name))) return all;
  const add = async (
    { name: configured, settings }: Instance<OtlpConfig>,
    createExporter: (connection: Connection) => LogExporter,
  ): Promise<void> => {
    const { createOtlpLogs } = await import('../exporters/otlp/logs.ts');
    const name = configured.replace(/^\w+/, '$&_logs');
    const exporter = createExporter(connectionOf(configured, settings, config.inherited, credentials.get(configured)));
    const onExport: OnExport = (error, verdict) => health.exported(name, error, verdict);
    all.set(name, createOtlpLogs(exporter, { intervalMs: settings.interval_ms, resource, onExport }));
  };
  for (const exporter of otlpOf(config, 'otlp', 'logs')) {
    await add(exporter, (await import('../exporters/otlp/grpc.ts')).createOtlpLogExporter);
  }
  for (const exporter of otlpOf(config, 'otlphttp', 'logs')) {
    await add(exporter, (await import('../exporters/otlp/http.ts')).createOtlpHttpLogExporter);
  }
  return all;
}
