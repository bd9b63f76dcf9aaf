#!/usr/bin/env -S node --disable-sigusr1
/** argv → command → exit code; the only place that ends the process. */
import './program/no-debugger.ts';
import { writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { parseArguments, UsageError } from './commands/arguments.ts';
import { exportersOf } from './config/exporters.ts';
import { ConfigError, load, loadConfig, type Sources } from './config/load.ts';
import { redact } from './config/redact.ts';
import type { Config } from './config/schema.ts';
import { oneLine, withoutSecrets } from './program/log.ts';
import { reasonOf } from './program/reason.ts';
import { standardError } from './program/standard-error.ts';

const OK = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

async function main(): Promise<number> {
  const { command, sources, json } = parseArguments(process.argv.slice(2), process.env);
  switch (command) {
    case 'help':
      process.stdout.write((await import('./commands/usage.ts')).usage);
      return OK;
    case 'version':
      process.stdout.write(`floatie ${(await import('./program/version.ts')).version}\n`);
      return OK;
    case 'licenses':
      // Written synchronously: the text is larger than a pipe, and process.exit would cut off the rest.
      writeFileSync(1, (await import('./program/packaged.ts')).readPackaged('LICENSE'));
      return OK;
    case 'validate':
      await validate(loadTelling(sources));
      process.stdout.write('The configuration is valid\n');
      return OK;
    case 'print-config':
      process.stdout.write((await import('yaml')).stringify(redact(loadTelling(sources))));
      return OK;
    case 'doctor': {
      const config = loadTelling(sources);
      await validate(config);
      return (await (await import('./commands/doctor.ts')).doctor(config, json ? 'json' : 'text')) ? OK : FAILED;
    }
    case 'run': {
      const loaded = load(sources);
      // Allocations of a scrape are short-lived: a growing young generation costs 9 MB and saves nothing.
      setFlagsFromString('--semi-space-growth-factor=1');
      // While V8 looks for garbage in all of the memory, the young generation would grow to 16 MB all the same.
      setFlagsFromString('--no-separate-gc-phases');
      // A third less memory, for a tenth more CPU time of a scrape: docs/decisions.md.
      setFlagsFromString('--optimize-for-size');
      // Loaded only now: the other commands need neither OpenTelemetry nor libbpf.
      const { run } = await import('./commands/run.ts');
      return (await run(loaded, () => load(sources))) ? OK : FAILED;
    }
  }
}

/** Prints warnings to stderr, so that stdout can be piped. */
function loadTelling(sources: Sources): Config {
  return loadConfig(sources, (warning) => complain(`warning: ${warning}`));
}

/** @throws {@link ConfigError} for problems in files that the configuration names */
async function validate(config: Config): Promise<void> {
  for (const { web_config_file: file } of exportersOf(config, 'prometheus').map(({ settings }) => settings)) {
    if (file !== '') (await import('./exporters/prometheus/web-config.ts')).readWebConfig(file);
  }
  (await import('./exporters/credentials.ts')).readCredentials(config);
}

function complain(problem: string): void {
  standardError.write(`floatie: ${oneLine(withoutSecrets(problem))}\n`);
}

function report(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) complain(problem);
    return WRONG_USAGE;
  }
  if (error instanceof UsageError) {
    complain(`${error.message} (see floatie --help)`);
    return WRONG_USAGE;
  }
  complain(reasonOf(error));
  return FAILED;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error)),
);
