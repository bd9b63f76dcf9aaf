/** The text of `--help`. */
import { envName } from '../config/keys.ts';

export const usage = `Usage: floatie [command] [flags]

Measures overlayfs latency of containers in the kernel and exports it by OpenTelemetry.

Commands:
  run             measure and export until SIGINT or SIGTERM (the default)
  doctor          say whether and how Floatie would start here, and the cure for each problem
  validate        check the configuration and print every problem
  print-config    print the configuration that would be used, as YAML

Flags:
  --config FILE           the configuration; without it /etc/floatie/floatie.yaml, if it is there
  --set KEY=VALUE         one setting, such as --set exporters.prometheus.port=9435; repeatable
  --pid-ns-inum N|self    measure only this PID namespace and those below it; 0 for all
  --max-map-entries N     how many cgroups get series of their own
  --json                  doctor prints an array of {name, verdict, reason, cure}
  --help                  print this
  --version               print the version
  --licenses              print the licenses of Floatie and of everything in it

Flags override FLOATIE_* variables, which override the file, which overrides OpenTelemetry's
own variables (OTEL_*). Every key has its variable: exporters.prometheus.port is
${envName('exporters.prometheus.port')}. In the file, \${env:NAME:-default} is a variable.

Exit codes: 0 fine, 1 failed at run time, or would (doctor), 2 wrong usage or configuration.
`;
