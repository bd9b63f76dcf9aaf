/** Parses the command line. */
import { existsSync } from 'node:fs';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { Sources } from '../config/load.ts';
import { nearest } from '../config/nearest.ts';
import { type Call, UsageError } from './command.ts';
import { FLAGS, type Flag, flags } from './flags.ts';
import { cureOf } from './others-flags.ts';
import { commandNamed, commands } from './table.ts';

export { UsageError } from './command.ts';
/** Those that people call. */
export const COMMANDS: readonly string[] = commands.flatMap(({ name, isHidden }) => (isHidden === true ? [] : [name]));

const SYSTEM_CONFIG = '/etc/floatie/floatie.yaml';

/** @throws {@link UsageError} */
export function parseArguments(argv: readonly string[], env: NodeJS.ProcessEnv): Call {
  // Its words are those of another command line.
  if (argv[0] === '__complete')
    return { command: argv[0], sources: {}, operands: argv.slice(1), flags: {}, json: false };
  const { values, positionals } = parse(argv);
  const [word = 'run', ...operands] = positionals;
  const { operands: wanted = [], flags: own = [] } = rowOf(word);
  const isEndless = wanted.at(-1)?.endsWith('…]') === true;
  const tooMuch = isEndless ? undefined : operands[wanted.length];
  if (tooMuch !== undefined) throw new UsageError(`Unexpected argument "${tooMuch}" after "${word}"`);
  for (const [name, { isOfCommand }] of flags) {
    if (isOfCommand !== true || values[name] === undefined || own.includes(name)) continue;
    const having = commands.filter((row) => row.flags?.includes(name)).map((row) => `"${row.name}"`);
    throw new UsageError(`"--${name}" is a flag of ${having.join(', ')}, not of "${word}"`);
  }
  const settings = flags.flatMap(([name, { key }]) => {
    const value = values[name];
    return key === undefined || typeof value !== 'string' ? [] : [{ flag: `--${name}`, key, value }];
  });
  const instead = flags.find(([name, { command }]) => command !== undefined && values[name] !== undefined)?.[1].command;
  return {
    command: instead ?? word,
    sources: {
      ...configurationOf((values.config ?? []) as string[], env),
      env,
      set: (values.set ?? []) as string[],
      flags: settings,
    },
    // "floatie validate --help" is "floatie help validate".
    operands: instead === 'help' && word !== 'help' ? positionals.slice(0, 1) : operands,
    flags: Object.fromEntries(Object.entries(values).filter(([, value]) => !Array.isArray(value))) as Call['flags'],
    json: values.json === true,
  };
}

/** @throws {@link UsageError} */
export function rowOf(word: string) {
  const row = commandNamed(word);
  if (row === undefined) throw new UsageError(`Unknown command "${word}"${nearest(word, COMMANDS)}`);
  return row;
}

/** The collector's ways to name a configuration: `file:PATH`, `yaml:TEXT`, `env:NAME`. */
function configurationOf(
  configs: readonly string[],
  env: NodeJS.ProcessEnv,
): Pick<Sources, 'file' | 'texts' | 'ignoredFiles'> {
  const files: string[] = [];
  const texts: { origin: string; text: string }[] = [];
  for (const config of configs) {
    const [, scheme, rest = ''] = /^(file|yaml|env|https?):(.*)$/s.exec(config) ?? [];
    if (scheme === 'yaml') texts.push({ origin: '--config yaml:', text: rest });
    else if (scheme === 'env') texts.push({ origin: `--config ${config}`, text: env[rest] ?? '' });
    else if (scheme === 'http' || scheme === 'https') {
      throw new UsageError('"--config" reads no URL; fetch it before: curl -fsS URL | floatie --config /dev/stdin');
    } else files.push(scheme === 'file' ? rest : config);
  }
  const system = texts.length === 0 && existsSync(SYSTEM_CONFIG) ? SYSTEM_CONFIG : undefined;
  return { file: files.pop() ?? system, texts, ignoredFiles: files };
}

const OPTIONS: ParseArgsOptionsConfig = Object.fromEntries(
  flags.map(([name, { value, short, isRepeatable }]: readonly [string, Flag]) => [
    name,
    {
      type: value === undefined ? 'boolean' : 'string',
      multiple: isRepeatable === true,
      ...(short !== undefined && { short }),
    },
  ]),
);

type Values = Readonly<Partial<Record<keyof typeof FLAGS, string | boolean | readonly (string | boolean)[]>>>;

function parse(argv: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    const message = (error as Error).message;
    const cure = argv.flatMap((argument) => cureOf(argument) ?? [])[0];
    if (cure !== undefined) throw new UsageError(cure);
    const unknown = /^Unknown option '(-[^'=\s]+)/.exec(message)?.[1];
    if (unknown === undefined) throw new UsageError(message.split('\n')[0]);
    const known = Object.keys(FLAGS).map((name) => `--${name}`);
    throw new UsageError(`Unknown flag "${unknown}"${nearest(unknown, known)}`);
  }
}
