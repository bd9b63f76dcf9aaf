/** Parses the command line. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Sources } from '../config/load.ts';
import { nearest } from '../config/nearest.ts';

export const COMMANDS = ['run', 'doctor', 'validate', 'print-config'] as const;
export type Command = (typeof COMMANDS)[number] | (typeof INSTEAD)[number];

export class UsageError extends Error {
  override name = 'UsageError';
}

const SYSTEM_CONFIG = '/etc/floatie/floatie.yaml';

/** Flags that set one key. */
const KEY_FLAGS = { 'pid-ns-inum': 'kernel.pid_ns_inum', 'max-map-entries': 'kernel.max_map_entries' } as const;

/** Flags that stand for a command. */
const INSTEAD = ['help', 'version', 'licenses'] as const;

const OPTIONS = {
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  'pid-ns-inum': { type: 'string' },
  'max-map-entries': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  licenses: { type: 'boolean' },
} as const;

/** @throws {@link UsageError} */
export function parseArguments(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): { command: Command; sources: Sources; json: boolean } {
  const { values, positionals } = parse(argv);
  const [word = 'run', ...rest] = positionals;
  const command = COMMANDS.find((name) => name === word);
  if (command === undefined) throw new UsageError(`Unknown command "${word}"${nearest(word, COMMANDS)}`);
  if (rest.length > 0) throw new UsageError(`Unexpected argument "${rest[0]}" after "${word}"`);
  const { json = false } = values;
  if (json && command !== 'doctor') throw new UsageError(`"--json" is a flag of "doctor", not of "${command}"`);
  const flags = Object.entries(KEY_FLAGS).flatMap(([name, key]) => {
    const value = values[name as keyof typeof KEY_FLAGS];
    return value === undefined ? [] : [{ flag: `--${name}`, key, value }];
  });
  const file = values.config ?? (existsSync(SYSTEM_CONFIG) ? SYSTEM_CONFIG : undefined);
  return {
    command: INSTEAD.find((name) => values[name]) ?? command,
    sources: { file, env, set: values.set ?? [], flags },
    json,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    const message = (error as Error).message;
    const unknown = /^Unknown option '(-[^'=\s]+)/.exec(message)?.[1];
    if (unknown === undefined) throw new UsageError(message.split('\n')[0]);
    const known = Object.keys(OPTIONS).map((name) => `--${name}`);
    throw new UsageError(`Unknown flag "${unknown}"${nearest(unknown, known)}`);
  }
}
