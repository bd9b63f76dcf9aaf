/** Writes docs/floatie.1 from the tables of commands, flags and settings: `npm run docs`; `man docs/floatie.1` shows it. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { COMMANDS, rowOf } from '../src/commands/arguments.ts';
import { flags } from '../src/commands/flags.ts';
import { keys, settingOf } from '../src/config/keys.ts';
import { spellings } from '../src/config/spellings.ts';
import { version } from '../src/program/version.ts';

export const MAN_PAGE = fileURLToPath(new URL('../docs/floatie.1', import.meta.url));

export function manPage(): string {
  const commands = COMMANDS.map((name) => {
    const { does, more, operands = [] } = rowOf(name);
    return item([name, ...operands].join(' '), [`${sentence(does)}`, ...(more === undefined ? [] : more.split('\n'))]);
  });
  const options = flags.map(([name, { value, short, does }]) =>
    item(
      [`--${name}${value === undefined ? '' : `=${value}`}`, ...(short === undefined ? [] : [`-${short}`])].join(', '),
      [sentence(does.replaceAll('\n', ' '))],
    ),
  );
  const settings = keys.map((key) => {
    const { doc = '', default: value } = settingOf(key);
    return item(key, [`${doc}. Default: ${JSON.stringify(value).replaceAll(',', ', ')}`]);
  });
  const others = [...spellings].map(([key, { of, doc }]) =>
    item(key, [of[0] === key ? `${doc}.` : `In place of ${of.join(' and ')}. ${doc}.`]),
  );
  return `.\\" Written by "npm run docs".
.TH FLOATIE 1 "" "Floatie ${version}" "User Commands"
.ad l
.SH NAME
floatie \\- why a container's disk is slow, and who was killed when memory ran out
.SH SYNOPSIS
.B floatie
[\\fIcommand\\fR] [\\fIflags\\fR]
.SH DESCRIPTION
Floatie measures in the kernel, by eBPF, how long containers wait for their files on overlayfs, which processes are killed
when memory runs out, and how hard memory presses. It exports that to Prometheus and by OTLP.
.SH COMMANDS
${commands.join('')}.SH OPTIONS
${options.join('')}.SH SETTINGS
Each is a key of the YAML file, of \\fB\\-\\-set KEY=VALUE\\fR, and a variable: exporters.prometheus.port is
FLOATIE_EXPORTERS_PROMETHEUS_PORT. Flags override variables, which override the file, which overrides OpenTelemetry's own
variables (OTEL_*).
${settings.join('')}.SH OTHER WAYS TO WRITE THEM
${others.join('')}.SH FILES
.TP
.I /etc/floatie/floatie.yaml
The configuration, where no \\fB\\-\\-config\\fR names another.
.SH SIGNALS
.TP
.B SIGHUP
Reads the configuration again.
.TP
.B SIGINT, SIGTERM
Stop; a second one ends at once.
.SH EXIT STATUS
0 fine, 1 failed at run time (or would: doctor), 2 wrong usage or configuration.
.SH SEE ALSO
.BR prometheus (1),
.BR man (1)
`;
}

function item(name: string, lines: readonly string[]): string {
  return `.TP\n.B ${escaped(name)}\n${lines.map(escaped).join('\n.br\n')}\n`;
}

/** Without what roff would read as its own: backslashes, and dots and quotes at the beginning of a line. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1')
    .replace(/µ/g, '\\(mc')
    .replace(/[“”]/g, '"')
    .replace(/…/g, '...');
}

function sentence(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(MAN_PAGE, manPage());
