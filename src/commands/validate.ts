/** `floatie validate`: says every problem of the configuration. */
import { writeFileSync } from 'node:fs';
import { ConfigError, load, type Sources } from '../config/load.ts';
import type { Call } from './command.ts';
import { checkFiles, loadTelling } from './configuration.ts';

/** @throws ConfigError with every problem, once they are printed as JSON where that is asked for */
export async function execute({ sources, json }: Call): Promise<boolean> {
  if (json) return report(sources);
  await checkFiles(loadTelling(sources));
  process.stdout.write('The configuration is valid\n');
  return true;
}

async function report(sources: Sources): Promise<boolean> {
  const warnings: string[] = [];
  try {
    const loaded = load(sources);
    warnings.push(...loaded.warnings);
    await checkFiles(loaded.config);
    print({ valid: true, problems: [], warnings });
    return true;
  } catch (error) {
    if (error instanceof ConfigError) print({ valid: false, problems: error.problems, warnings });
    throw error;
  }
}

/** Written synchronously: the process ends right after. */
function print(outcome: object): void {
  writeFileSync(1, `${JSON.stringify(outcome, null, 2)}\n`);
}
