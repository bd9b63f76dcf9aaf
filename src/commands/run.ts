/** `floatie run`: measure until a signal says stop. */
import type { Config } from '../config/schema.ts';
import { createLogger } from '../log.ts';
import { startService } from '../service.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Resolves when everything is stopped. A second signal ends the process at once. */
export async function run(config: Config): Promise<void> {
  const { log_level, log_format } = config.service.telemetry;
  const log = createLogger(log_level, log_format);
  const stopping = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, resolve);
  });
  const service = await startService(config, log);
  const signal = await stopping;
  log.info('Stopping', { signal });
  await service.stop();
}
