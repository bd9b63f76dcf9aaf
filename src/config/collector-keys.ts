/**
 * What configurations of the OpenTelemetry Collector, and of OpenTelemetry's eBPF instrumentation, have and Floatie has
 * not, with what Floatie does instead: pasted, each gets one line.
 */

interface Instead {
  readonly sentence: string;
  /** Something that is asked for would be missing, so that Floatie does not start. */
  readonly isProblem: boolean;
}

type Row = readonly [keys: RegExp, sentence: string];

const RECEIVERS =
  /^receivers\.(otlp|prometheus|hostmetrics|docker_stats|podman_stats|kubeletstats|k8s_cluster|k8s_events|k8sobjects|filelog|journald|jaeger|zipkin|opencensus|statsd|kafka|syslog|nop)(\/|$)/;
const RAW = 'Floatie exports each collection as a whole';

/** Without these Floatie does what was meant, or what it does is its own. */
const IGNORED: readonly Row[] = [
  [/^(service\.)?extensions$/, '/healthz and /readyz are answered where exporters.prometheus listens'],
  [/^connectors$/, 'views and processors shape the metrics'],
  [RECEIVERS, 'Floatie measures in the kernel, and receives nothing'],
  [/^processors\.batch(\/|$)/, RAW],
  [/^processors\.memory_limiter(\/|$)/, 'kernel.max_map_entries and the limits of the receivers bound the memory'],
  [/^processors\.resource(detection)?(\/|$)/, 'service.telemetry.resource has the attributes of the resource'],
  [
    /^processors\.k8s_?attributes(\/|$)/,
    'names of pods, namespaces and containers are there without it: see containers.names',
  ],
  [
    /^processors\.(metrics)?transform(\/|$)/,
    'views rename, drop and aggregate; processors.attributes changes attributes',
  ],
  [/^processors\.(cumulativetodelta|deltatocumulative)(\/|$)/, 'exporters.otlp.temporality chooses between them'],
  [/^processors\.(groupbyattrs|groupbytrace|span|tail_sampling|probabilistic_sampler|interval|redaction)(\/|$)/, RAW],
  [/^exporters\.otlp(http)?(\/\w+)?\.retry_on_failure$/, 'a failed export is repeated until the next one is due'],
  [
    /^exporters\.otlp(http)?(\/\w+)?\.(sending_queue|batcher)$/,
    'metrics need no queue: each export has the totals of that moment',
  ],
  [
    /^exporters\.otlp(http)?(\/\w+)?\.tls\.insecure_skip_verify$/,
    'certificates are always verified; tls.ca_file names the CA',
  ],
  [
    /^exporters\.otlp(http)?(\/\w+)?\.tls\.(\w+_pem|min_version|max_version|cipher_suites|curve_preferences|server_name_override|reload_interval|include_\w+|tpm)$/,
    'of tls there are ca_file, cert_file, key_file and insecure',
  ],
  [/^exporters\.otlp(http)?(\/\w+)?\.proxy_url$/, 'the variables HTTPS_PROXY and NO_PROXY name proxies'],
  [/^exporters\.otlp(http)?(\/\w+)?\.encoding$/, 'Floatie sends protobuf'],
  [
    /^exporters\.otlp(http)?(\/\w+)?\.(balancer_name|keepalive|wait_for_ready|authority|\w+_buffer_size|(max_)?idle_conn\w*|max_conns_per_host|disable_keep_alives|http2_\w+|cookies|middlewares|traces_endpoint|logs_endpoint|profiles_endpoint|force_attempt_http2)$/,
    'Floatie has one connection for each exporter',
  ],
  [/^exporters\.prometheus(\/\w+)?\.namespace$/, 'names begin with floatie_; stream.name of a view changes one'],
  [
    /^exporters\.prometheus(\/\w+)?\.const_labels$/,
    'processors.attributes inserts labels: { key: K, action: insert, value: V }',
  ],
  [/^exporters\.prometheus(\/\w+)?\.metric_expiration$/, 'receivers.overlayfs.expire says how long ended series stay'],
  [
    /^exporters\.prometheus(\/\w+)?\.(resource_to_telemetry_conversion|add_metric_suffixes|translation_strategy|without_\w+)$/,
    'names are those of docs/metrics.md, and target_info has the resource',
  ],
  [/^exporters\.prometheus(\/\w+)?\.enable_open_metrics$/, 'scrapers that ask for OpenMetrics get it'],
  [/^exporters\.prometheus(\/\w+)?\.send_timestamps$/, 'samples have the time of their scrape'],
  [
    /^exporters\.debug(\/\w+)?\.(sampling_\w+|use_internal_logger|output_paths)$/,
    'debug prints every point on standard output',
  ],
  [/^service\.telemetry\.metrics$/, "Floatie's own metrics are with the others"],
  [/^service\.telemetry\.traces$/, 'Floatie traces nothing'],
  [
    /^service\.telemetry\.logs\.(development|disable_caller|disable_stacktrace|sampling|(error_)?output_paths|initial_fields|processors)$/,
    'the log has level and encoding, and goes to standard error',
  ],
  [
    /^service\.pipelines\.logs(\/|$)/,
    "records of single events go by OTLP to the exporters of the metrics' pipeline, and need none of their own",
  ],
  [/^service\.pipelines\.(traces|profiles)(\/|$)/, 'Floatie has metrics and records, and neither traces nor profiles'],
];

/** Without these, what was asked for would be missing. */
const PROBLEMS: readonly Row[] = [
  [
    /^processors\.filter(\/\w+)?\.(metrics|metric_conditions|logs|traces|error_mode)$/,
    'it chooses cgroups here; a view drops a metric: stream: { aggregation: { drop: {} } }',
  ],
  [
    /^processors\.attributes(\/\w+)?\.(include|exclude)$/,
    'its actions are for every metric; attribute_keys of a view are for some',
  ],
  [/^exporters\.otlp_grpc(\/|$)/, 'it is called otlp here'],
  [/^exporters\.otlp_http(\/|$)/, 'it is called otlphttp here'],
  [/^exporters\.logging(\/|$)/, 'it is called debug now'],
  [
    /^exporters\.prometheus_?remote_?write(\/|$)/,
    'let Prometheus scrape Floatie, or send OTLP to it: exporters.otlphttp',
  ],
  [
    /^exporters\.(file|kafka|loki|datadog|elasticsearch|nop)(\/|$)/,
    'send OTLP to a collector, which has it: exporters.otlp',
  ],
  [/^exporters\.otlp(http)?(\/\w+)?\.auth$/, `headers: { authorization: "Bearer $\{env:TOKEN}" } has the token`],
  [/^exporters\.otlphttp(\/\w+)?\.metrics_endpoint$/, 'write endpoint, to which /v1/metrics is added'],
  [
    /^exporters\.prometheus(\/\w+)?\.tls$/,
    'web_config_file names a file with tls_server_config, as for all exporters of Prometheus',
  ],
  [/^service\.pipelines\.metrics\//, 'there is one pipeline, service.pipelines.metrics: name its exporters there'],
  [/^prometheus_export$/, 'it is exporters.prometheus here'],
  [/^otel_metrics_export$/, 'it is exporters.otlp or exporters.otlphttp here'],
  [/^(discovery|open_port|executable_name)$/, 'every container is measured; containers.include and exclude choose'],
  [/^log_level$/, 'it is service.telemetry.log_level here'],
  [/^log_format$/, 'it is service.telemetry.log_format here'],
  [/^scrape_configs$|^global$/, 'this belongs into the configuration of Prometheus, which scrapes Floatie'],
];

/** @param key of a configuration, such as `processors.batch/fast` */
export function insteadOf(key: string): Instead | null {
  const rows = (table: readonly Row[]) => table.find(([pattern]) => pattern.test(key))?.[1];
  const [ignored, problem] = [rows(IGNORED), rows(PROBLEMS)];
  if (ignored !== undefined) return { sentence: ignored, isProblem: false };
  return problem === undefined ? null : { sentence: problem, isProblem: true };
}

/** The same for a key, or for the nearest one above it that the table has. */
export function insteadOfPart(key: string): Instead | null {
  const parts = key.split('.');
  return (
    parts.map((_, index) => insteadOf(parts.slice(0, index + 1).join('.'))).find((found) => found !== null) ?? null
  );
}
