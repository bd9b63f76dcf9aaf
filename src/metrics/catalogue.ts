/** What a metric is, and those that tell how Floatie itself is doing; the others are their receivers'. */
import { OWNER } from '../containers/attributes.ts';

export interface Attribute {
  readonly name: string;
  readonly meaning: string;
}

export interface Metric {
  readonly name: string;
  readonly kind: 'histogram' | 'counter' | 'gauge';
  /** UCUM, or empty where a unit would change the name on its way through a collector. */
  readonly unit: string;
  /**
   * How many of what is counted make one unit, where that is not 1. Only whole numbers are added up, and divided where
   * they leave: sums of fractions would lose a digit now and then, which Prometheus takes for a restart.
   */
  readonly perUnit?: number;
  readonly description: string;
  readonly attributes: readonly Attribute[];
  /** Of a receiver's: it tells how the receiver is doing, not what it measures. */
  readonly aboutFloatie?: true;
}

const [US_PER_S, NS_PER_S] = [1e6, 1e9];

/** Whose a series is. */
export const ownerAttributes: readonly Attribute[] = Object.entries(OWNER).map(([name, meaning]) => ({
  name,
  meaning,
}));

/** Told for each receiver under its name. */
export const PROBE: Attribute = { name: 'probe', meaning: 'the receiver' };
const EXPORTER: Attribute = {
  name: 'exporter',
  meaning: 'its name in the configuration; with `_logs` behind its type: what sends the records of OOM kills',
};

/** What runs, and what its receivers could not see. */
export const runMetrics = {
  buildInfo: {
    name: 'floatie_build_info',
    kind: 'gauge',
    unit: '',
    description: 'Always 1; the attributes say what is running',
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
    description: '1 while the probe is attached by this method, 0 while it is not',
    attributes: [
      PROBE,
      {
        name: 'method',
        meaning:
          'how it is attached: `fentry`, `kprobe`, `syscall`, `syscall_classic`, `tracepoint` or `file`; `none` while it is not',
      },
    ],
  },
  probeMisses: {
    name: 'floatie_probe_misses_total',
    kind: 'counter',
    unit: '',
    description: 'Events a probe could not measure',
    attributes: [PROBE, { name: 'reason', meaning: 'why; see "When something is missed"' }],
  },
  eventsLost: {
    name: 'floatie_events_lost_total',
    kind: 'counter',
    unit: '',
    description: 'Events whose details found no room in the ring buffer; what they were of is counted all the same',
    attributes: [PROBE],
  },
} as const satisfies Record<string, Metric>;

/** How the program is doing. */
export const programMetrics = {
  otlpExports: {
    name: 'floatie_otlp_exports_total',
    kind: 'counter',
    unit: '',
    description: 'Exports that ended, well or not',
    attributes: [
      EXPORTER,
      {
        name: 'outcome',
        meaning: '`success`, `partial` (the endpoint took it, and rejected some of what was in it) or `failure`',
      },
    ],
  },
  otlpRejected: {
    name: 'floatie_otlp_rejected_total',
    kind: 'counter',
    unit: '',
    description:
      'Data points and records of OOM kills that the OTLP endpoint rejected, in exports that it took otherwise; the log has its words',
    attributes: [EXPORTER],
  },
  otlpLastSuccess: {
    name: 'floatie_otlp_last_success_timestamp_seconds',
    kind: 'gauge',
    unit: 's',
    description: 'When the endpoint last took an export, or some of it, in seconds since 1970; none before the first',
    attributes: [EXPORTER],
  },
  otlpQueueLength: {
    name: 'floatie_otlp_queue_length',
    kind: 'gauge',
    unit: '',
    description:
      'Records of OOM kills that wait until the endpoint takes them; metrics never wait: each export has what counts then',
    attributes: [EXPORTER],
  },
  otlpDropped: {
    name: 'floatie_otlp_dropped_total',
    kind: 'counter',
    unit: '',
    description:
      'Records of OOM kills that did not arrive: the OTLP endpoint refused or rejected them, or had not taken them for too long',
    attributes: [EXPORTER],
  },
  seriesOverflow: {
    name: 'floatie_series_overflow_total',
    kind: 'counter',
    unit: '',
    description:
      'Operations counted under otel_metric_overflow because every map entry was taken, and OOM kills counted under "other" because their pod or container has too many names',
    attributes: [PROBE],
  },
  mapEntries: {
    name: 'floatie_map_entries',
    kind: 'gauge',
    unit: '',
    description: 'Cgroups that have series of their own; the limit is --max-map-entries',
    attributes: [PROBE],
  },
  threadsTracked: {
    name: 'floatie_threads_tracked',
    kind: 'gauge',
    unit: '',
    description:
      'Threads that live and have used overlayfs, of which the kernel keeps a record; the limit is kernel.max_threads. None where records are of operations only, before Linux 5.11',
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
    description: 'How often a job that Floatie does again and again failed; /readyz says why while it fails',
    attributes: [{ name: 'job_name', meaning: 'what could not be done, as the log calls it' }],
  },
  collections: {
    name: 'floatie_collections_total',
    kind: 'counter',
    unit: '',
    description: 'Collections, by scrapes and by exporters that push',
    attributes: [],
  },
  collectionSeconds: {
    name: 'floatie_collection_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'Time that collections took: reading what was counted and shaping it by the views',
    attributes: [],
  },
  scrapes: {
    name: 'floatie_scrapes_total',
    kind: 'counter',
    unit: '',
    description: 'Scrapes that were answered; those that come while another one collects share its collection',
    attributes: [],
  },
  scrapeSeconds: {
    name: 'floatie_scrape_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'Time from requests for metrics to their answers',
    attributes: [],
  },
  logLost: {
    name: 'floatie_log_lines_lost_total',
    kind: 'counter',
    unit: '',
    description: 'Lines of the log that could not be written: the disk is full, or nobody reads standard error',
    attributes: [],
  },
  connections: {
    name: 'floatie_http_connections',
    kind: 'gauge',
    unit: '',
    description: 'Connections to the ports of Floatie that are open',
    attributes: [],
  },
  connectionsDropped: {
    name: 'floatie_http_dropped_total',
    kind: 'counter',
    unit: '',
    description: 'Connections that were closed, and requests that were refused, because clients took too much',
    attributes: [
      {
        name: 'reason',
        meaning:
          '`idle`: closed for a new one, as the one that was idle for longest; `unread`: closed for a new one, as the one whose answer was taken for longest; `pipelined`: closed, since it sent many requests and read no answers; `busy`: refused, since too many answers were not read; `passwords`: refused, since too many passwords of that address waited to be compared',
      },
    ],
  },
  mapMemory: {
    name: 'floatie_bpf_map_memory_bytes',
    kind: 'gauge',
    unit: 'By',
    description: "Kernel memory of Floatie's maps",
    attributes: [],
  },
  programRuns: {
    name: 'floatie_bpf_program_runs_total',
    kind: 'counter',
    unit: '',
    description:
      "Runs of Floatie's programs while the kernel counts them (`sysctl kernel.bpf_stats_enabled=1`); none while it never did",
    attributes: [],
  },
  programSeconds: {
    name: 'floatie_bpf_program_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: NS_PER_S,
    description: 'Time that these runs took',
    attributes: [],
  },
  eventLoopDelay: {
    name: 'floatie_event_loop_delay_seconds',
    kind: 'gauge',
    unit: 's',
    description: 'How late what is due is done, in the last ten seconds or since the last collection before that',
    attributes: [{ name: 'statistic', meaning: '`p99`, or `max`: the longest' }],
  },
  reloadSuccessful: {
    name: 'floatie_config_last_reload_successful',
    kind: 'gauge',
    unit: '',
    description: '1 while the configuration is as it was last asked for, 0 when the last reload failed',
    attributes: [],
  },
  reloadSuccess: {
    name: 'floatie_config_last_reload_success_timestamp_seconds',
    kind: 'gauge',
    unit: 's',
    description: 'When the configuration was last loaded well, in seconds since 1970',
    attributes: [],
  },
  cpuSeconds: {
    name: 'process_cpu_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'CPU time this process used, user and system',
    attributes: [],
  },
  residentMemory: {
    name: 'process_resident_memory_bytes',
    kind: 'gauge',
    unit: 'By',
    description: 'Memory of this process that is resident',
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
    description: 'How many file descriptors this process may open',
    attributes: [],
  },
  startTime: {
    name: 'process_start_time_seconds',
    kind: 'gauge',
    unit: 's',
    description: 'When this process started, in seconds since 1970',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;

/** About Floatie itself: ordinary instruments. */
export const selfMetrics = { ...runMetrics, ...programMetrics } as const;
