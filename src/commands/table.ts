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
    name: 'top',
    does: 'show what containers wait for, kills and slow operations, as they happen',
    more: `It asks the Floatie of --url, else the one that runs here, and measures by itself where none does.
A user and a password stand in the URL, before the host. NODE_EXTRA_CA_CERTS names a further
authority of certificates.

Keys: q quits, Up and Down mark a container, Enter shows it alone, Esc goes back, s and S sort by
another column, / filters by a part of the name, 1, 2 and 3 show containers, kills and slow
operations. Without a terminal, as with --once, it prints one screen. NO_COLOR leaves colors out.`,
    operands: ['[oom|slow]'],
    flags: ['url', 'once', 'interval', 'json'],
    load: () => import('./top.ts'),
  },
  {
    name: 'explain',
    does: 'say what containers waited for, why they were killed, and what to try',
    more: `It asks the Floatie of --url, else the one of the configuration: of all containers, or of one by its
id, at least twelve characters of it, its name, or its cgroup; or of a pod's, by its name or
NAMESPACE/POD. What costs most comes first.
With --json it prints {containers: [{container, container_id, cgroup, statements, killed}]}.`,
    operands: ['[CONTAINER]'],
    flags: ['url', 'json'],
    load: () => import('./explain.ts'),
  },
  {
    name: 'help',
    does: 'print this, or what a command does and its flags',
    operands: ['[COMMAND]'],
  },
  {
    name: 'completion',
    does: 'print the completions for a shell',
    more: 'bash: source <(floatie completion bash)\nzsh: source <(floatie completion zsh)\nfish: floatie completion fish | source',
    operands: ['bash|zsh|fish'],
  },
  { name: 'version', does: 'print the version' },
  { name: '__complete', does: 'complete a command line, for these', isHidden: true },
];

export function commandNamed(name: string): Command | undefined {
  return commands.find((command) => command.name === name);
}
