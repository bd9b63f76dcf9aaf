/** Flags of the collector, Prometheus, node_exporter, cAdvisor and others, with what Floatie has instead. */

import { FLAGS } from './flags.ts';

const CURES: readonly (readonly [flag: RegExp, cure: string])[] = [
  [/^config\.file$/, 'write --config FILE'],
  [/^(feature-gates|enable-feature)$/, 'native histograms need no switch here: exporters.prometheus.native_histograms'],
  [/^(port|p|web\.port|metrics-addr|metrics-bind-address|listen)$/, 'write --web.listen-address :PORT'],
  [/^(listen_ip|listen-address|telemetry\.addr|web\.listen-addr)$/, 'write --web.listen-address ADDRESS:PORT'],
  [
    /^(web\.telemetry-path|prometheus_endpoint|telemetry\.path)$/,
    'the metrics are at /metrics; a view renames them, a proxy their path',
  ],
  [
    /^web\.(max-requests|disable-exporter-metrics|systemd-socket|enable-lifecycle)$/,
    'Floatie needs no such flag: docs/exporting.md',
  ],
  [
    /^(path\.(procfs|sysfs|rootfs|udev\.data)|rootfs|procfs)$/,
    "run Floatie with the host's PID namespace: docs/running.md",
  ],
  [/^(no-)?collector\./, 'receivers are chosen by --set service.pipelines.metrics.receivers=overlayfs,oom,pressure'],
  [
    /^(disable_metrics|enable_metrics)$/,
    'receivers are chosen by --set service.pipelines.metrics.receivers=overlayfs,oom,pressure',
  ],
  [/^(docker_only|raw_cgroup_prefix_whitelist)$/, 'cgroups are chosen by --set containers.include=[/docker/*]'],
  [
    /^(store_container_labels|whitelisted_container_labels)$/,
    'names are there without it; --set containers.names=true adds those of images',
  ],
  [
    /^(housekeeping_interval|storage_duration|global_housekeeping_interval)$/,
    'every scrape reads anew; --set receivers.overlayfs.expire=5m says how long ended series stay',
  ],
  [
    /^(docker|containerd|podman)$/,
    'Floatie asks no socket, but reads the files of runtimes: --set containers.places.docker=[…] says where they are',
  ],
  [/^(logtostderr|stderrthreshold|alsologtostderr)$/, 'the log goes to standard error'],
  [/^(verbose|debug)$/, 'write --log.level debug'],
  [/^(quiet|q)$/, 'write --log.level error'],
  [/^(output|o)$/, 'write --json'],
  [/^(dry-run|check|t)$/, 'write floatie validate'],
];

/** @returns the problem of a flag of others, as it was written; undefined for any other argument */
export function cureOf(argument: string): string | undefined {
  const [, flag, name = ''] = /^(--?([A-Za-z][\w.-]*))(?:=|$)/.exec(argument) ?? [];
  // Flags of Go take one hyphen as well.
  if (flag === `-${name}` && Object.hasOwn(FLAGS, name)) return `Unknown flag "${flag}"; write --${name}`;
  const cure = CURES.find(([known]) => known.test(name))?.[1];
  return cure === undefined ? undefined : `Unknown flag "${flag}"; ${cure}`;
}
