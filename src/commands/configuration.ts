/** Loads the configuration for commands that print something. */
import { exportersOf } from '../config/exporters.ts';
import { loadConfig, type Sources } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { oneLine, withoutSecrets } from '../program/log.ts';
import { standardError } from '../program/standard-error.ts';

/** Prints warnings to stderr, so that stdout can be piped. @throws ConfigError */
export function loadTelling(sources: Sources): Config {
  return loadConfig(sources, (warning) => complain(`warning: ${warning}`));
}

/** @throws ConfigError for problems in files that the configuration names */
export async function checkFiles(config: Config): Promise<void> {
  for (const { web_config_file: file } of exportersOf(config, 'prometheus').map(({ settings }) => settings)) {
    if (file !== '') (await import('../exporters/prometheus/web-config.ts')).readWebConfig(file);
  }
  (await import('../exporters/credentials.ts')).readCredentials(config);
}

/** One line on stderr. */
export function complain(problem: string): void {
  standardError.write(`floatie: ${oneLine(withoutSecrets(problem))}\n`);
}
