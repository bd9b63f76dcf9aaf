/** `floatie run`: measure until a signal says stop. */
import { isSdkDisabled } from '../config/environment.ts';
import type { Config } from '../config/schema.ts';
import { createLogger } from '../log.ts';
import { startService } from '../service.ts';
import { Notifier, takeHandover } from '../systemd.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Resolves when everything is stopped. More signals change nothing: a Ctrl-C under npm arrives twice, once from the
 * terminal and once from npm, and stopping takes a bounded time anyway.
 */
export async function run(config: Config): Promise<void> {
  const { log_level, log_format } = config.service.telemetry;
  const log = createLogger(log_level, log_format);
  const handover = takeHandover(process.env, process.pid);
  const notifier = new Notifier(handover, log);
  const stopping = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of SIGNALS) process.on(signal, resolve);
  });
  // Without a port that is listened on, nothing else would keep the process: timers of exporters do not.
  const keepAlive = setInterval(() => undefined, 2 ** 31 - 1);
  try {
    if (isSdkDisabled(process.env)) {
      // A process that ended would be started again and again.
      const nothing = 'Nothing is measured or exported: OTEL_SDK_DISABLED is true';
      log.warn(nothing);
      notifier.ready(() => nothing);
      await stopping;
      return;
    }
    const service = await startService(config, log, handover);
    notifier.ready(() => service.status());
    const signal = await stopping;
    log.info('Stopping', { signal });
    notifier.stopping();
    await service.stop();
  } finally {
    notifier.close();
    clearInterval(keepAlive);
  }
}
