/** Every flag: parsing, help, completions and the man page are made of this table. */

export interface Flag {
  /** The word for its value; a flag without one is there or not. */
  readonly value?: string;
  readonly does: string;
  readonly short?: string;
  readonly isRepeatable?: true;
  /** The setting that it sets. */
  readonly key?: string;
  /** Only the commands that name it have it; all others are flags of every command. */
  readonly isOfCommand?: true;
  /** The command that it stands for. */
  readonly command?: string;
}

export const FLAGS = {
  config: {
    value: 'FILE',
    isRepeatable: true,
    does: 'the configuration; without it /etc/floatie/floatie.yaml, if there;\nalso file:FILE, yaml:TEXT (over the file) and env:NAME',
  },
  set: {
    value: 'KEY=VALUE',
    isRepeatable: true,
    does: 'one setting, such as exporters.prometheus.port=9435; repeatable',
  },
  'pid-ns-inum': {
    value: 'N|self',
    key: 'kernel.pid_ns_inum',
    does: 'measure only this PID namespace and those below it; 0 for all',
  },
  'max-map-entries': {
    value: 'N',
    key: 'kernel.max_map_entries',
    does: 'how many cgroups get series of their own',
  },
  'web.listen-address': {
    value: 'ADDR',
    key: 'exporters.prometheus.endpoint',
    does: 'what to scrape, else 127.0.0.1:9090; :9464 is any address',
  },
  'web.config.file': {
    value: 'FILE',
    key: 'exporters.prometheus.web_config_file',
    does: 'TLS, passwords and headers of that address, in the format of Prometheus',
  },
  'log.level': {
    value: 'LEVEL',
    key: 'service.telemetry.log_level',
    does: 'the lowest level of the log: debug, info, warn or error',
  },
  'log.format': {
    value: 'FORMAT',
    key: 'service.telemetry.log_format',
    does: 'text for people, json or logfmt for programs',
  },
  url: { value: 'URL', isOfCommand: true, does: 'the Floatie to ask, else that of the configuration' },
  once: { isOfCommand: true, does: 'print one screen and end' },
  interval: { value: 'SECONDS', isOfCommand: true, does: 'how often to look again: 1 by default' },
  json: { isOfCommand: true, does: 'print JSON, for programs' },
  help: { short: 'h', command: 'help', does: 'print this; behind a command, what that does' },
  version: { short: 'v', command: 'version', does: 'print the version' },
  licenses: { command: 'licenses', does: 'print the licenses of Floatie and of everything in it' },
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof FLAGS;

/** All flags, by name. */
export const flags: readonly (readonly [FlagName, Flag])[] = Object.entries(FLAGS) as [FlagName, Flag][];
