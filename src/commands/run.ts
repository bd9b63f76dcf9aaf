/** `floatie run`: measures until a signal to stop; SIGHUP reloads the configuration. */
import type { Loaded } from '../config/load.ts';
import { typeOf } from '../config/pipeline.ts';
import { secretsOf } from '../config/redact.ts';
import type { Config } from '../config/schema.ts';
import { returnBlocksFrom, trimMemory } from '../native/index.ts';
import { createLogger, type Logger, withoutRepetition } from '../program/log.ts';
import { errorOf } from '../program/reason.ts';
import { type Service, startService } from '../service/service.ts';
import { Notifier, takeHandover } from '../service/systemd.ts';
import { suitHeap } from './heap.ts';

/**
 * Signals within this time of the first one, in ms, are the same Ctrl-C: under npm both the terminal and npm send it.
 */
const SAME_MS = 1000;

/**
 * How often free memory is given back at most, in ms, and after how much CPU time, in µs: reading the kernel's types, and
 * V8's compilations of functions that have become hot, leave 20 MB.
 */
const TRIM_MS = 5000;
const TRIM_AFTER_US = 100_000;
/** From this size on, freed memory is given back at once: malloc's own limit at the start, which it would raise. */
const BLOCK_BYTES = 128 * 1024;

/** The number of threads in Node's pool by default. Whoever has fewer needs each of them. */
const POOL_THREADS = 4;

/**
 * @param load reads the configuration again. Throws ConfigError
 * @returns whether the stop was orderly; false when a second signal cut it short
 */
export async function run({ config, warnings }: Loaded, load: () => Loaded): Promise<boolean> {
  const { log_level, log_format } = config.service.telemetry;
  const log = createLogger(log_level, log_format, undefined, secretsOf(config));
  for (const warning of warnings) log.warn(warning);
  const handover = takeHandover(process.env, process.pid);
  const notifier = new Notifier(handover, log);
  const { first, second } = stopSignals();
  const reloads = new Reloads();
  const goOn = goOnAfter(log);
  returnBlocksFrom(BLOCK_BYTES);
  // Keeps the process alive, too: without a listening port nothing else does.
  const trim = trimAfterWork();
  const trimming = setInterval(() => {
    suitHeap();
    trim();
  }, TRIM_MS);
  let service: Service | undefined;
  const measure = async (): Promise<boolean> => {
    if (config.inherited.isDisabled) {
      const nothing = 'Nothing is measured or exported: OTEL_SDK_DISABLED is true';
      log.warn(nothing);
      const quiet = createLogger('error', log_format, undefined, secretsOf(config));
      const idle = await startService(withoutMetrics(config), quiet, handover);
      notifier.ready(() => nothing);
      await first;
      await idle.stop();
      return true;
    }
    const poolSize = Number(process.env.UV_THREADPOOL_SIZE ?? POOL_THREADS);
    const running = await startService(config, log, { ...handover, keepsThread: poolSize >= POOL_THREADS });
    service = running;
    notifier.ready(() => running.status());
    reloads.begin(async () => {
      notifier.reloading();
      await running.reload(() => {
        const { config: next, warnings: told } = load();
        for (const warning of told) log.warn(warning);
        return next;
      });
      notifier.ready(() => running.status());
    });
    const signal = await first;
    reloads.end();
    log.info('Stopping', { signal });
    notifier.stopping();
    await running.stop();
    return true;
  };
  const hurry = async (): Promise<boolean> => {
    log.warn('Ending at once', { signal: await second });
    service?.detach();
    return false;
  };
  try {
    return await Promise.race([measure(), hurry()]);
  } finally {
    notifier.close();
    goOn();
    clearInterval(trimming);
  }
}

function trimAfterWork(): () => void {
  let trimmedUs = 0;
  return () => {
    const { user, system } = process.cpuUsage();
    if (user + system - trimmedUs < TRIM_AFTER_US) return;
    trimmedUs = user + system;
    trimMemory();
  };
}

/**
 * The configuration for OTEL_SDK_DISABLED: only the endpoints, for /healthz and /readyz. Kubernetes would restart a
 * process that ends or does not answer its probes again and again.
 */
function withoutMetrics(config: Config): Config {
  const { exporters } = config.service.pipelines.metrics;
  const endpoints = exporters.filter((name) => typeOf(name) === 'prometheus');
  return {
    ...config,
    views: [{ selector: { instrument_name: '*' }, stream: { aggregation: { drop: {} } } }],
    service: { ...config.service, pipelines: { metrics: { receivers: [], processors: [], exporters: endpoints } } },
  };
}

function stopSignals(): { readonly first: Promise<NodeJS.Signals>; readonly second: Promise<NodeJS.Signals> } {
  const first = Promise.withResolvers<NodeJS.Signals>();
  const second = Promise.withResolvers<NodeJS.Signals>();
  let firstMs: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, (signal) => {
      first.resolve(signal);
      firstMs ??= performance.now();
      if (performance.now() - firstMs > SAME_MS) second.resolve(signal);
    });
  }
  return { first: first.promise, second: second.promise };
}

/**
 * Logs uncaught errors, such as one in an event handler, instead of letting Node end and stop all measurement.
 * @returns a function that ends this
 */
function goOnAfter(log: Logger): () => void {
  const limited = withoutRepetition(log);
  const tell = (thrown: unknown): void => {
    const { message, stack } = errorOf(thrown);
    limited.error(`Unexpected error, which is a bug in Floatie; it goes on: ${message}`, { stack });
  };
  // SIGXFSZ would end the process at the limit of a file's size; with the signal ignored, the write fails instead.
  const ignore = (): void => undefined;
  process.on('SIGXFSZ', ignore);
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
  return () => {
    process.off('SIGXFSZ', ignore);
    process.off('uncaughtException', tell);
    process.off('unhandledRejection', tell);
  };
}

/** One reload at a time, and one more after it if SIGHUP came meanwhile, or before the start was done. */
class Reloads {
  #reload: (() => Promise<void>) | null = null;
  #asked = false;
  #busy = false;

  constructor() {
    process.on('SIGHUP', () => {
      this.#asked = true;
      void this.#work();
    });
  }

  begin(reload: () => Promise<void>): void {
    this.#reload = reload;
    void this.#work();
  }

  end(): void {
    this.#reload = null;
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#asked && this.#reload !== null) {
        this.#asked = false;
        await this.#reload();
      }
    } finally {
      this.#busy = false;
    }
  }
}
