/** Every command: parsing, help, completions and the man page are made of this table. A new command is a row. */
import type { Command } from './command.ts';

export const commands: readonly Command[] = [
  {
    name: 'run',
    does: 'measure and export until SIGINT or SIGTERM (the default)',
    load: () => import('./begin.ts'),
  },
  {
    name: 'doctor',
    does: 'say whether and how Floatie would start here, and the cure for each problem',
    more: 'With --json it prints an array of {name, verdict, reason, cure}.',
    flags: ['json'],
    load: () => import('./doctor.ts'),
  },
  {
    name: 'validate',
    does: 'check the configuration and print every problem',
    more: 'With --json it prints {valid, problems, warnings} on standard output.',
    flags: ['json'],
    load: () => import('./validate.ts'),
  },
  {
    name: 'print-config',
    does: 'print the configuration that would be used, as YAML',
    more: 'Headers and passwords are redacted. With --json it prints JSON.',
    flags: ['json'],
    load: () => import('./print-config.ts'),
  },
  {
    name: 'help',
    does: 'print this, or what a command does and its flags',
    operands: ['[COMMAND]'],
  },
  { name: 'version', does: 'print the version' },
];

export function commandNamed(name: string): Command | undefined {
  return commands.find((command) => command.name === name);
}
