/** `floatie run`: measure until a signal says stop; on SIGHUP with the configuration as it is then. */
import { isSdkDisabled } from '../config/environment.ts';
import type { Loaded } from '../config/load.ts';
import { typeOf } from '../config/pipeline.ts';
import { secretsOf } from '../config/redact.ts';
import type { Config } from '../config/schema.ts';
import { createLogger, type Logger, withoutRepetition } from '../program/log.ts';
import { errorOf } from '../program/reason.ts';
import { type Service, startService } from '../service/service.ts';
import { Notifier, takeHandover } from '../service/systemd.ts';

/** Signals so soon after the first are the same Ctrl-C: under npm it comes from the terminal and from npm. */
const SAME_MS = 1000;

/**
 * @param load reads the configuration anew. Throws what is wrong with it.
 * @returns whether it stopped in peace; false when a second signal would not wait for that
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
  // Without a port that is listened on, nothing else would keep the process: timers of exporters do not.
  const keepAlive = setInterval(() => undefined, 2 ** 31 - 1);
  let service: Service | undefined;
  const measure = async (): Promise<boolean> => {
    if (isSdkDisabled(process.env)) {
      const nothing = 'Nothing is measured or exported: OTEL_SDK_DISABLED is true';
      log.warn(nothing);
      const quiet = createLogger('error', log_format, undefined, secretsOf(config));
      const idle = await startService(withoutMetrics(config), quiet, handover);
      notifier.ready(() => nothing);
      await first;
      await idle.stop();
      return true;
    }
    const running = await startService(config, log, handover);
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
    clearInterval(keepAlive);
  }
}

/**
 * What is left where nothing is to be measured: the endpoints, for /healthz and /readyz. A process that ended, or that
 * did not answer Kubernetes' probes, would be started again and again.
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
 * Goes on after what nobody caught, such as an error in the handler of an event: Node would end, and with it everything
 * that is measured. @returns what ends that
 */
function goOnAfter(log: Logger): () => void {
  const limited = withoutRepetition(log);
  const tell = (thrown: unknown): void => {
    const { message, stack } = errorOf(thrown);
    limited.error(`Unexpected error, which is a bug in Floatie; it goes on: ${message}`, { stack });
  };
  // Beyond the limit of a file's size the kernel would end the process by a signal; the write fails all the same.
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

/** One reload at a time; one more where SIGHUP came meanwhile, or before there was anything to reload. */
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
