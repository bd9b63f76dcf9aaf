/** The texts of `floatie help`. */
import { envName } from '../config/keys.ts';
import { COMMANDS, rowOf } from './arguments.ts';
import { type Flag, flags } from './flags.ts';
import { commands } from './table.ts';

const EXIT_CODES = 'Exit codes: 0 fine, 1 failed at run time, or would (doctor), 2 wrong usage or configuration.\n';

export const usage = `Usage: floatie [command] [flags]

Measures overlayfs latency of containers in the kernel and exports it by OpenTelemetry.

Commands:
${columns(COMMANDS.map((name) => [name, rowOf(name).does]))}
Flags:
${columns(flags.map(([name, flag]) => [spelled(name, flag), `${flag.does}${commandsWith(name, flag)}`]))}
"floatie help COMMAND" says more of a command.

Flags override FLOATIE_* variables, which override the file, which overrides OpenTelemetry's
own variables (OTEL_*). Every key has its variable: exporters.prometheus.port is
${envName('exporters.prometheus.port')}. In the file, \${env:NAME:-default} is a variable.

${EXIT_CODES}`;

/** The help of one command. @throws UsageError for one that does not exist */
export function usageOf(word: string): string {
  const { name, does, more, operands = [], flags: own = [] } = rowOf(word);
  const general = flags.filter(([flag, { isOfCommand }]) => isOfCommand !== true || own.includes(flag));
  return `Usage: floatie ${[name, ...operands].join(' ')} [flags]

${does[0]?.toUpperCase()}${does.slice(1)}.
${more === undefined ? '' : `${more}\n`}
Flags:
${columns(general.map(([flag, row]) => [spelled(flag, row), row.does]))}
${EXIT_CODES}`;
}

/** `--config FILE`. */
function spelled(name: string, { value, short }: Flag): string {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  return short === undefined ? long : `${long}, -${short}`;
}

function commandsWith(name: string, { isOfCommand }: Flag): string {
  if (isOfCommand !== true) return '';
  const having = commands.filter((row) => row.flags?.some((flag) => flag === name));
  return ` (${having.map((row) => row.name).join(', ')})`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows
    .map(([left, right]) => `  ${left.padEnd(width)}${right.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}\n`)
    .join('');
}
