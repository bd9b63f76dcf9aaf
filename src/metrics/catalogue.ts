/** The form of a metric, and the metrics about Floatie itself. All other metrics are in their receivers' folders. */
import { OWNER } from '../containers/attributes.ts';

export interface Attribute {
  readonly name: string;
  readonly meaning: string;
}

export interface Metric {
  readonly name: string;
  readonly kind: 'histogram' | 'counter' | 'gauge';
  /** UCUM, or empty where a collector would append the unit to the name. */
  readonly unit: string;
  /**
   * How many counted parts make one unit, if not 1. Sums are of whole parts and divided on export: a sum of fractions
   * can fall by a last digit, which Prometheus takes for a restart.
   */
  readonly perUnit?: number;
  readonly description: string;
  readonly attributes: readonly Attribute[];
  /** A receiver's metric about itself instead of what it measures. */
  readonly aboutFloatie?: true;
}

const [US_PER_S, NS_PER_S] = [1e6, 1e9];

/** The attributes of a series' owner. */
export const ownerAttributes: readonly Attribute[] = Object.entries(OWNER).map(([name, meaning]) => ({
  name,
  meaning,
}));

/** The receiver's name, for metrics that every receiver has. */
export const PROBE: Attribute = { name: 'probe', meaning: 'the receiver' };
const EXPORTER: Attribute = {
  name: 'exporter',
  meaning:
    'its name in the configuration; with `_logs` behind its type, such as `otlp_logs`, the exporter of records of OOM kills',
};

/** Metrics about versions, probes and missed events. */
export const runMetrics = {
  buildInfo: {
    name: 'floatie_build_info',
    kind: 'gauge',
    unit: '',
    description: 'Always 1; the attributes are the running versions',
    attributes: [
      { name: 'version', meaning: "Floatie's version" },
      { name: 'node_version', meaning: "Node's version" },
      { name: 'libbpf_version', meaning: "libbpf's version" },
      { name: 'kernel_release', meaning: "the kernel's release" },
    ],
  },
  probeAttached: {
    name: 'floatie_probe_attached',
    kind: 'gauge',
    unit: '',
    description: '1 while the probe is attached by this method, 0 while it is not attached',
    attributes: [
      PROBE,
      {
        name: 'method',
        meaning:
          'the way to attach: `fentry`, `kprobe`, `syscall`, `syscall_classic`, `tracepoint` or `file`; `none` while the probe is not attached',
      },
    ],
  },
  probeMisses: {
    name: 'floatie_probe_misses_total',
    kind: 'counter',
    unit: '',
    description: 'Events that a probe could not measure',
    attributes: [PROBE, { name: 'reason', meaning: 'the reason; see "When something is missed"' }],
  },
  eventsLost: {
    name: 'floatie_events_lost_total',
    kind: 'counter',
    unit: '',
    description:
      'Details of kills, and records of slow operations, that found no room in the ring buffer; the kills and operations themselves are counted',
    attributes: [PROBE],
  },
} as const satisfies Record<string, Metric>;

/** Metrics about exports, endpoints and the process. */
export const programMetrics = {
  otlpExports: {
    name: 'floatie_otlp_exports_total',
    kind: 'counter',
    unit: '',
    description: 'Finished exports, by outcome',
    attributes: [
      EXPORTER,
      {
        name: 'outcome',
        meaning: '`success`, `partial` (the endpoint rejected some of the data) or `failure`',
      },
    ],
  },
  otlpRejected: {
    name: 'floatie_otlp_rejected_total',
    kind: 'counter',
    unit: '',
    description:
      'Data points and records of OOM kills that the OTLP endpoint rejected in exports that it accepted; the log has the reason',
    attributes: [EXPORTER],
  },
  otlpLastSuccess: {
    name: 'floatie_otlp_last_success_timestamp_seconds',
    kind: 'gauge',
    unit: 's',
    description:
      'Time of the last export that the endpoint accepted at least in part, in seconds since 1970; absent before the first',
    attributes: [EXPORTER],
  },
  otlpQueueLength: {
    name: 'floatie_otlp_queue_length',
    kind: 'gauge',
    unit: '',
    description:
      'Records of OOM kills that wait for the endpoint; metrics are never queued, since each export collects them anew',
    attributes: [EXPORTER],
  },
  otlpDropped: {
    name: 'floatie_otlp_dropped_total',
    kind: 'counter',
    unit: '',
    description:
      'Dropped records of OOM kills: the OTLP endpoint refused or rejected them, or more than 1,000 were waiting',
    attributes: [EXPORTER],
  },
  seriesOverflow: {
    name: 'floatie_series_overflow_total',
    kind: 'counter',
    unit: '',
    description:
      'Operations that are counted under otel_metric_overflow, since all map entries are taken, and kills under "other", since their pod or container has too many names',
    attributes: [PROBE],
  },
  mapEntries: {
    name: 'floatie_map_entries',
    kind: 'gauge',
    unit: '',
    description: 'Cgroups with series of their own; the limit is --max-map-entries',
    attributes: [PROBE],
  },
  threadsTracked: {
    name: 'floatie_threads_tracked',
    kind: 'gauge',
    unit: '',
    description:
      'Living threads that have used overlayfs, of which the kernel keeps a record; the limit is kernel.max_threads. None before Linux 5.11',
    attributes: [PROBE],
  },
  collectErrors: {
    name: 'floatie_collect_errors_total',
    kind: 'counter',
    unit: '',
    description: 'Collections that could not read every metric',
    attributes: [],
  },
  jobErrors: {
    name: 'floatie_job_errors_total',
    kind: 'counter',
    unit: '',
    description: 'Failed runs of periodic jobs; /readyz has the reason while a job fails',
    attributes: [{ name: 'job_name', meaning: 'the job, as the log names it' }],
  },
  collections: {
    name: 'floatie_collections_total',
    kind: 'counter',
    unit: '',
    description: 'Collections for scrapes and for push exporters',
    attributes: [],
  },
  collectionSeconds: {
    name: 'floatie_collection_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'Time that collections took, in seconds: reading the counts and applying the views',
    attributes: [],
  },
  scrapes: {
    name: 'floatie_scrapes_total',
    kind: 'counter',
    unit: '',
    description: 'Answered scrapes; concurrent scrapes share one collection',
    attributes: [],
  },
  scrapeSeconds: {
    name: 'floatie_scrape_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'Time from requests for metrics to their answers, in seconds',
    attributes: [],
  },
  logLost: {
    name: 'floatie_log_lines_lost_total',
    kind: 'counter',
    unit: '',
    description: 'Lines of the log that were lost, because the disk is full or nobody reads standard error',
    attributes: [],
  },
  connections: {
    name: 'floatie_http_connections',
    kind: 'gauge',
    unit: '',
    description: "Open connections to Floatie's ports",
    attributes: [],
  },
  connectionsDropped: {
    name: 'floatie_http_dropped_total',
    kind: 'counter',
    unit: '',
    description: 'Closed connections and refused requests, because clients used too many resources',
    attributes: [
      {
        name: 'reason',
        meaning:
          '`idle`: the longest idle connection was closed for a new one; `unread`: the connection whose answer took longest to read was closed for a new one; `slow`: a connection was closed that read nothing of its answer for ten seconds beyond the timeout of a collection, or not all of it for a minute; `pipelined`: a connection with many requests and unread answers was closed; `busy`: a request was refused because too many answers were unread; `passwords`: a request was refused because too many passwords from its address waited for their check',
      },
    ],
  },
  mapMemory: {
    name: 'floatie_bpf_map_memory_bytes',
    kind: 'gauge',
    unit: 'By',
    description: "Kernel memory of Floatie's BPF maps, in bytes",
    attributes: [],
  },
  programRuns: {
    name: 'floatie_bpf_program_runs_total',
    kind: 'counter',
    unit: '',
    description:
      "Runs of Floatie's BPF programs while the kernel counts them (`sysctl kernel.bpf_stats_enabled=1`); absent until it does",
    attributes: [],
  },
  programSeconds: {
    name: 'floatie_bpf_program_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: NS_PER_S,
    description:
      "Time that Floatie's BPF programs ran while the kernel counts it (`sysctl kernel.bpf_stats_enabled=1`), in seconds; absent until it does",
    attributes: [],
  },
  eventLoopDelay: {
    name: 'floatie_event_loop_delay_seconds',
    kind: 'gauge',
    unit: 's',
    description: 'Event loop delay in the last 10 s, or since the last collection if that is longer ago, in seconds',
    attributes: [{ name: 'statistic', meaning: '`p99` or `max`' }],
  },
  reloadSuccessful: {
    name: 'floatie_config_last_reload_successful',
    kind: 'gauge',
    unit: '',
    description: '1 if the last reload of the configuration succeeded or there was none, 0 if it failed',
    attributes: [],
  },
  reloadSuccess: {
    name: 'floatie_config_last_reload_success_timestamp_seconds',
    kind: 'gauge',
    unit: 's',
    description: 'Time of the last successful load of the configuration, in seconds since 1970',
    attributes: [],
  },
  cpuSeconds: {
    name: 'process_cpu_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'CPU time of this process, user and system, in seconds',
    attributes: [],
  },
  residentMemory: {
    name: 'process_resident_memory_bytes',
    kind: 'gauge',
    unit: 'By',
    description: 'Resident memory of this process, in bytes',
    attributes: [],
  },
  openFds: {
    name: 'process_open_fds',
    kind: 'gauge',
    unit: '',
    description: 'Open file descriptors of this process',
    attributes: [],
  },
  maxFds: {
    name: 'process_max_fds',
    kind: 'gauge',
    unit: '',
    description: 'Limit of open file descriptors of this process',
    attributes: [],
  },
  startTime: {
    name: 'process_start_time_seconds',
    kind: 'gauge',
    unit: 's',
    description: 'Start time of this process, in seconds since 1970',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;

/** Metrics about Floatie itself: ordinary instruments. */
export const selfMetrics = { ...runMetrics, ...programMetrics } as const;
