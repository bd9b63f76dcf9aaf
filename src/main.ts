#!/usr/bin/env -S node --disable-sigusr1
/** argv → command → exit code; the only place that ends the process. */
import './program/no-debugger.ts';
import { writeFileSync } from 'node:fs';
import { parseArguments, rowOf, UsageError } from './commands/arguments.ts';
import { complain } from './commands/configuration.ts';
import { ConfigError } from './config/load.ts';
import { reasonOf } from './program/reason.ts';

const OK = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

async function main(): Promise<number> {
  nameProcess();
  const call = parseArguments(process.argv.slice(2), process.env);
  switch (call.command) {
    case 'help': {
      const { usage, usageOf } = await import('./commands/usage.ts');
      const [command] = call.operands;
      process.stdout.write(command === undefined ? usage : usageOf(command));
      return OK;
    }
    case 'completion': {
      const { COMPLETIONS, SHELLS } = await import('./commands/shells.ts');
      const shell = SHELLS.find((name) => name === call.operands[0]);
      if (shell === undefined) throw new UsageError(`"completion" needs the name of a shell: ${SHELLS.join(', ')}`);
      process.stdout.write(COMPLETIONS[shell]);
      return OK;
    }
    case '__complete': {
      const { complete, linesOf } = await import('./commands/complete.ts');
      process.stdout.write(linesOf(complete(call.operands)));
      return OK;
    }
    case 'version':
      process.stdout.write(`floatie ${(await import('./program/version.ts')).version}\n`);
      return OK;
    case 'licenses':
      // Written synchronously: the text is larger than a pipe, and process.exit would cut off the rest.
      writeFileSync(1, (await import('./program/packaged.ts')).readPackaged('LICENSE'));
      return OK;
    default: {
      const command = await rowOf(call.command).load?.();
      return (await command?.execute(call)) === true ? OK : FAILED;
    }
  }
}

/** For `pgrep floatie`, `top` and `ss -p`; process.title would cut the arguments off what `ps` shows. */
function nameProcess(): void {
  try {
    writeFileSync('/proc/self/comm', 'floatie');
  } catch {
    // Without /proc, or where it is read-only, the name stays Node's.
  }
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
