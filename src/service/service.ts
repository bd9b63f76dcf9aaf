/** The whole way of the data, from the kernel's counts to the exporters. Stopping takes the opposite order. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../config/error.ts';
import { attributeActions } from '../config/processors.ts';
import { secretsOf } from '../config/redact.ts';
import { keepRunning } from '../config/reload.ts';
import type { Config } from '../config/schema.ts';
import { viewOptions } from '../config/view-options.ts';
import { cgroupExists } from '../containers/hierarchy.ts';
import { readCredentials } from '../exporters/credentials.ts';
import { History } from '../history/history.ts';
import { sourcesOf } from '../metrics/observer.ts';
import { MetricRegistry } from '../metrics/registry.ts';
import { takeDiagnostics } from '../program/diagnostics.ts';
import { Health } from '../program/health.ts';
import type { Logger } from '../program/log.ts';
import { reasonOf } from '../program/reason.ts';
import { recordSchemas } from '../receivers/index.ts';
import { Records } from '../records/records.ts';
import { Endpoints } from './endpoints.ts';
import { Exporting } from './exporting.ts';
import { type Receivers, startReceivers } from './receivers.ts';
import {
  observeClients,
  observeEventLoop,
  observeKernelCosts,
  observeLogs,
  observeProcess,
  observeSelf,
  observeService,
} from './self-metrics.ts';
import type { ListeningSocket } from './systemd.ts';

/** How long those who wait for the port are answered before anything else, in ms: loading programs holds the event loop. */
const FIRST_ANSWERS_MS = 20;

export interface Service {
  /** The URL of the metrics, such as `http://127.0.0.1:9090/metrics`; null without the Prometheus exporter. */
  readonly url: string | null;
  /** The state in one line, for people. */
  status(): string;
  /** Uses another configuration as far as possible without a restart, and logs the result. Counts stay. */
  reload(load: () => Config): Promise<void>;
  /** Exports once more, closes the exporters and detaches the probes. Safe to call twice. */
  stop(): Promise<void>;
  /** Detaches the probes at once, without waiting for {@link stop}. */
  detach(): void;
}

export interface StartOptions {
  /** systemd's sockets, which endpoints use instead of their host and port. */
  readonly sockets?: readonly ListeningSocket[];
  /**
   * Whether Floatie may keep a thread of Node's pool, and the process alive until the stop: the thread waits for events,
   * which Floatie looks for ten times a second otherwise. false by default.
   */
  readonly keepsThread?: boolean;
}

/** Starts everything that is configured. Throws on failure, after undoing what it has started. */
export async function startService(given: Config, log: Logger, options: StartOptions = {}): Promise<Service> {
  const { sockets = [], keepsThread = false } = options;
  // These stay over a reload: receivers with their BPF programs, all counts, and open ports.
  const health = new Health(log);
  const registry = new MetricRegistry(viewOptions(given.views, attributeActions(given)));
  const records = new Records(recordSchemas);
  const history = given.service.history ? new History({ exists: cgroupExists() }) : null;
  const endpoints = new Endpoints({ health, records, history }, log, sockets);

  // First, so that unusable files and ports in use are known before anything is loaded into the kernel.
  const onRenewal = (name: string, problems: readonly string[]): void => health.renewed(name, problems);
  const credentials = readCredentials(given, onRenewal);
  const opened = await endpoints.open(given);
  let endDiagnostics = takeDiagnostics(log, given.service.telemetry.log_level);
  const observer = sourcesOf(registry);
  observeEventLoop(observer, health);
  let exporting: Exporting; // a reload replaces it
  let receivers: Receivers;
  try {
    exporting = await Exporting.create(given, credentials, registry, health);
    observeProcess(observer);
    observeSelf(observer, health);
    observeService(observer, health);
    observeClients(observer, endpoints.clients);
    observeKernelCosts(observer);
    observeLogs(observer, () => exporting);
    exporting.begin(null);
    // Scrapes are answered before the receivers are there, whose programs take a while to load and to try.
    health.starting(given.service.pipelines.metrics.receivers);
    await opened.use(exporting.scrapes);
    await firstAnswers(exporting);
    receivers = await startReceivers({ config: given, registry, records, history, health, log, keepsThread });
  } catch (error) {
    endDiagnostics();
    await Promise.all([opened.abandon(), endpoints.stop()]);
    throw error;
  }
  receivers.observe(observer);
  exporting.push();
  for (const record of records.seen) exporting.emit(record);
  records.onAdd((record) => exporting.emit(record));

  if (exporting.isEmpty) log.warn('Nothing is exported: exporters.otlp.endpoint is empty');
  const otlp = exporting.pushes.some((name) => name.startsWith('otlp'));
  log.info('Floatie is measuring', { url: endpoints.url, otlp });

  let stopped: Promise<void> | null = null;
  let config = given;
  const reload = async (wanted: Config): Promise<void> => {
    const { config: next, kept } = keepRunning(config, wanted, (metric) => registry.gridNs(metric));
    const credentials = readCredentials(next, onRenewal);
    const opened = await endpoints.open(next);
    const before = exporting;
    const after = await Exporting.create(next, credentials, registry, health).catch(async (error: unknown) => {
      await opened.abandon();
      throw error;
    });
    if (stopped !== null) return opened.abandon();
    // Without a pause in between: earlier counts belong to the old exporters, later counts to the new ones.
    receivers.reload(next);
    try {
      registry.refresh();
    } catch (error) {
      health.collectFailed(error);
    }
    before.finish();
    registry.reshape(viewOptions(next.views, attributeActions(next)));
    after.begin(before);
    after.push();
    [config, exporting] = [next, after];
    const { log_level, log_format } = next.service.telemetry;
    log.configure?.(log_level, log_format, secretsOf(next));
    endDiagnostics();
    endDiagnostics = takeDiagnostics(log, log_level);
    await Promise.all([opened.use(after.scrapes), before.stop(after)]);
    if (kept.length > 0) log.warn(`Settings that need a restart keep their values: ${kept.join(', ')}`);
  };

  const stop = async (): Promise<void> => {
    receivers.settle();
    await Promise.all([endpoints.stop(), exporting.stop()]);
    receivers.stop();
    endDiagnostics();
  };
  return {
    get url() {
      return endpoints.url;
    },
    status() {
      // 0 before the first collection.
      const series = registry.seriesCount();
      return [health.summary(), ...(series > 0 ? [`${series} series`] : []), endpoints.url ?? 'no port'].join('; ');
    },
    async reload(load) {
      try {
        await reload(load());
        health.reloaded(true);
        log.info('The configuration is reloaded', { url: endpoints.url });
      } catch (error) {
        health.reloaded(false);
        for (const problem of problemsOf(error)) log.error(`The configuration stays as it was: ${problem}`);
      }
    },
    detach: () => receivers.stop(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Those that waited for the port, as at a socket of systemd: programs that are loaded hold the event loop. */
async function firstAnswers({ scrapes }: Exporting): Promise<void> {
  await sleep(FIRST_ANSWERS_MS);
  // However slow the machine is: a connection that was taken by now is read in the next turn of the loop.
  for (let turns = 0; turns < 2; turns++) await setImmediate();
  await Promise.all(Array.from(scrapes.values(), (each) => each.settle()));
}

function problemsOf(error: unknown): readonly string[] {
  return error instanceof ConfigError ? error.problems : [reasonOf(error)];
}
