/** Every setting: its type, default and reason. config/floatie.yaml shows the same to people; a test compares them. */
import type { Schema } from 'convict';
import { DEFAULT_PLACES } from '../containers/places.ts';
import type { AttributeAction } from '../metrics/attribute-actions.ts';
import { LOG_FORMATS, type LogFormat } from '../program/log-lines.ts';
import { type ReceiverName, type ReceiverSettings, receiverNames, receivers } from '../receivers/index.ts';
import { setting } from '../settings/setting.ts';
import {
  alternatives,
  anyText,
  boolean,
  integer,
  isRecord,
  mapping,
  must,
  names,
  oneOf,
  type Shape,
  textMatching,
  texts,
} from '../settings/shapes.ts';
import { showKey } from '../settings/show.ts';
import { actions } from './actions.ts';
import type { Inherited } from './inherited.ts';
import type { ViewConfig } from './view.ts';
import { views } from './views.ts';

export const EXPORTER_TYPES = ['prometheus', 'otlp', 'otlphttp', 'debug'] as const;
export type ExporterType = (typeof EXPORTER_TYPES)[number];
export const PROCESSOR_TYPES = ['attributes', 'filter'] as const;
export type ProcessorType = (typeof PROCESSOR_TYPES)[number];
/** The sections whose keys are types, with named instances such as `otlp/eu` beside them. */
export const INSTANCE_TYPES = { processors: PROCESSOR_TYPES, exporters: EXPORTER_TYPES } as const;
const DEFAULT_EXPORTERS: readonly ExporterType[] = ['prometheus', 'otlp'];
/** The values of OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION. */
export const HISTOGRAM_AGGREGATIONS = ['explicit_bucket_histogram', 'base2_exponential_bucket_histogram'] as const;
/** The values of OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE. */
export const TEMPORALITIES = ['cumulative', 'delta', 'lowmemory'] as const;
/** The values of OTEL_EXPORTER_OTLP_COMPRESSION. */
export const COMPRESSIONS = ['none', 'gzip'] as const;
export const NATIVE_HISTOGRAMS = ['auto', 'with_classic', 'off'] as const;
export const VERBOSITIES = ['basic', 'detailed'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export interface OtlpConfig {
  endpoint: string;
  headers: Record<string, string>;
  tls: { ca_file: string; cert_file: string; key_file: string };
  compression: (typeof COMPRESSIONS)[number];
  interval_ms: number;
  timeout_ms: number;
  temporality: (typeof TEMPORALITIES)[number];
  default_histogram_aggregation: (typeof HISTOGRAM_AGGREGATIONS)[number];
  resource_per_container: boolean;
  exponential: { max_scale: number; max_size: number };
}

export interface PrometheusConfig {
  host: string;
  port: number;
  timeout_ms: number;
  web_config_file: string;
  allowed_hosts: string[];
  native_histograms: (typeof NATIVE_HISTOGRAMS)[number];
}

export interface Exporters {
  prometheus: PrometheusConfig;
  otlp: OtlpConfig;
  otlphttp: OtlpConfig;
  debug: { verbosity: (typeof VERBOSITIES)[number]; interval_ms: number };
}

export interface Processors {
  attributes: { actions: AttributeAction[] };
  filter: { cgroups: { include: string[]; exclude: string[] }; pid_ns_inum: number | 'self' };
}

export interface Settings {
  kernel: { pid_ns_inum: number | 'self'; cgroup: string; max_map_entries: number; max_threads: number };
  containers: {
    names: boolean;
    places: { docker: string[]; containerd: string[]; storage: string[] };
    include: string[];
    exclude: string[];
  };
  receivers: ReceiverSettings;
  /** By type; instances named `type/name` are further keys, which src/config/pipeline.ts reads. */
  processors: Processors;
  /** By type, as the processors. */
  exporters: Exporters;
  views: ViewConfig[];
  service: {
    pipelines: {
      /** Processors and exporters are a type, or `type/name`. */
      metrics: { receivers: ReceiverName[]; processors: string[]; exporters: string[] };
    };
    history: boolean;
    telemetry: {
      log_level: (typeof LOG_LEVELS)[number];
      log_format: LogFormat;
      resource: Record<string, string>;
    };
  };
}

/** The settings, and what the environment says beside them. */
export interface Config extends Settings {
  /** Never shown: may contain tokens and passwords. */
  readonly inherited: Inherited;
}

const receiverList = names(
  `a list of ${receiverNames.map((word) => `"${word}"`).join(', ')}`,
  oneOf(...receiverNames),
  {
    minItems: 1,
  },
);

/** The instances of a pipeline: `type`, or `type/name`. */
function instanceNames(types: readonly string[], example: string, minItems: number): Shape {
  const name = textMatching(new RegExp(`^(${types.join('|')})(/[A-Za-z0-9_-]+)?$`), 'a name');
  const be = `a list of ${alternatives(types)}, each with a name if wanted, such as "${example}"`;
  return names(be, name, { minItems });
}

/** Headers that are texts over both HTTP and gRPC: gRPC's binary headers end in -bin. */
const headersAsTexts = mapping(
  'a mapping of names of headers to texts of printable ASCII',
  textMatching(/^[\x20-\x7e]*$/, 'a text of printable ASCII'),
  /^(?!.*-[Bb][Ii][Nn]$)[A-Za-z0-9_.-]+$/,
);

/** Names the header whose value YAML reads as a number or a boolean, without the value: it may be a token. */
const headers: Shape = {
  json: headersAsTexts.json,
  problems(value, key) {
    const unquoted = isRecord(value)
      ? Object.entries(value).filter(([, text]) => typeof text === 'number' || typeof text === 'boolean')
      : [];
    if (unquoted.length === 0) return headersAsTexts.problems(value, key);
    return unquoted.map(([name]) => `${key}.${showKey(name)}: must be a text: write the value in quotes`);
  },
};

const host = textMatching(/^[A-Za-z0-9_.:-]+$/, 'an address or a host name, such as "127.0.0.1", "::1" or "0.0.0.0"');

const pidNamespace = must(
  '0 (all), "self", or a number from "readlink /proc/PID/ns/pid"',
  { anyOf: [{ enum: ['self'] }, integer(0, 0xffffffff).json] },
  (value) => value === 'self' || integer(0, 0xffffffff).problems(value, '').length === 0,
);

const cgroup = textMatching(
  /^((?!([\s\S]*\/)?\.\.(\/|$))(\/[^/\0]+)+)?$/,
  'empty (all), or a path below the root of the hierarchy, such as "/system.slice"',
);

const endpoint = must(
  'empty or look like "http://host:4317", or "https://host:4317" for TLS',
  // src/config/endpoints.ts gives a host with a port its scheme.
  { type: 'string', pattern: '^$|^https?://.|^[^/?#@\\s]+:\\d+$' },
  (value) =>
    value === '' ||
    (typeof value === 'string' && /^https?:\/\//.test(value) && (URL.parse(value)?.hostname ?? '') !== ''),
);

const path = textMatching(/^[^\0]*$/, 'empty or the path of a file');

/** A cgroup's path begins with a slash: another pattern would silently match nothing. */
const cgroupPatterns = texts(
  'a list of paths of cgroups that begin with "/" or "*", such as "/system.slice/*"',
  textMatching(/^[/*]/, 'a path'),
);

/** `*` stands for one whole folder: a pattern within a name would make Floatie list every user's files. */
const places = texts(
  'a list of absolute paths of folders, in which * stands for any one folder, such as "/home/*/.local/share/docker"',
  textMatching(/^(\/(\*|[^/*\0]+))+$/, 'a path'),
);

/** Names as in the Host header, without a port. */
const hostNames = texts(
  'a list of names of hosts without a port, such as "metrics.example" or "*.example"',
  textMatching(/^[\w.*?-]+$/, 'a name'),
);

const resource = mapping('a mapping of attribute names to texts', anyText, /[\s\S]/);

/** The settings that all OTLP exporters share. */
const otlp = {
  headers: setting<Record<string, string>>(
    {},
    headers,
    'Headers of every request, such as an authorization; redacted in all output',
    { sensitive: true },
  ),
  tls: {
    ca_file: setting('', path, "CA of the collector's certificate; empty: Node's own CAs"),
    cert_file: setting('', path, 'Client certificate; empty: none'),
    key_file: setting('', path, 'Private key of the client certificate'),
  },
  compression: setting<(typeof COMPRESSIONS)[number]>(
    'none',
    oneOf(...COMPRESSIONS),
    '"gzip" sends less over the network, for some CPU time at each export',
  ),
  interval_ms: setting(60_000, integer(100, 3_600_000), 'Interval of exports, in ms'),
  timeout_ms: setting(10_000, integer(100, 60_000), 'Timeout of one export, in ms'),
  temporality: setting<(typeof TEMPORALITIES)[number]>(
    'cumulative',
    oneOf(...TEMPORALITIES),
    '"cumulative": an outage loses resolution, but no count; "delta" for backends that need it: a failed export loses its counts; "lowmemory": delta for histograms only',
  ),
  default_histogram_aggregation: setting<(typeof HISTOGRAM_AGGREGATIONS)[number]>(
    'explicit_bucket_histogram',
    oneOf(...HISTOGRAM_AGGREGATIONS),
    'Kind of histograms without buckets in a view: "explicit_bucket_histogram" with receivers.overlayfs.bounds_us, or "base2_exponential_bucket_histogram"',
  ),
  resource_per_container: setting(
    false,
    boolean,
    'Gives each container a resource of its own, by which processors and backends associate; else a container is attributes of points and records',
  ),
  exponential: {
    max_scale: setting(
      3,
      integer(-4, 3),
      'An exponential histogram has at most 2^max_scale buckets for each doubling of the time',
    ),
    max_size: setting(
      160,
      integer(2, 320),
      'Limit of buckets from the first to the last non-empty one; a histogram that needs more gets wider buckets',
    ),
  },
};

export const schema: Schema<Settings> = {
  kernel: {
    pid_ns_inum: setting<number | 'self'>(
      0,
      pidNamespace,
      'Measure only this PID namespace and those below it: 0 for all, "self" for Floatie\'s own, or the number in "readlink /proc/PID/ns/pid"',
      { needsRestart: true },
    ),
    cgroup: setting(
      '',
      cgroup,
      'Measure only this cgroup and those below it, by its path in /proc/PID/cgroup, such as "/kubepods.slice"; empty: all',
      { needsRestart: true },
    ),
    max_map_entries: setting(
      1024,
      integer(1, 65536),
      'How many cgroups get series of their own; all others share one with otel_metric_overflow="true"',
      { needsRestart: true },
    ),
    max_threads: setting(
      32_768,
      integer(1, 1_048_576),
      'How many threads that have used overlayfs are followed at a time; the operations of others are counted as missed',
      { needsRestart: true },
    ),
  },
  containers: {
    names: setting(false, boolean, "Adds the names of containers, images and pods to series, from the runtimes' files"),
    places: {
      docker: setting<string[]>(
        [...DEFAULT_PLACES.docker],
        places,
        "docker's data-root; those in daemon.json and in the command line of a running dockerd are added",
      ),
      containerd: setting<string[]>(
        [...DEFAULT_PLACES.containerd],
        places,
        "containerd's state; those in config.toml and in the command line of a running containerd are added",
      ),
      storage: setting<string[]>(
        [...DEFAULT_PLACES.storage],
        places,
        'graphroot and runroot of podman and cri-o; those in storage.conf are added',
      ),
    },
    include: setting<string[]>(
      [],
      cgroupPatterns,
      'Only these cgroups get series: patterns for paths, with * and ?; empty: all',
    ),
    exclude: setting<string[]>(
      [],
      cgroupPatterns,
      'These cgroups get no series, even if they are included; their operations are counted in floatie_overlayfs_excluded_total',
    ),
  },
  receivers: Object.fromEntries(
    receivers.map(({ name, settings }) => [name, settings]),
  ) as unknown as Schema<ReceiverSettings>,
  processors: {
    attributes: {
      actions: setting<AttributeAction[]>(
        [],
        actions,
        'Actions on the attributes of every point, in order: insert, update, upsert, delete',
      ),
    },
    filter: {
      cgroups: {
        include: setting<string[]>([], cgroupPatterns, 'As containers.include; a cgroup has to pass both'),
        exclude: setting<string[]>([], cgroupPatterns, 'As containers.exclude, in addition to it'),
      },
      pid_ns_inum: setting<number | 'self'>(
        0,
        pidNamespace,
        'As kernel.pid_ns_inum; a different namespace there is an error',
      ),
    },
  },
  exporters: {
    prometheus: {
      host: setting(
        '127.0.0.1',
        host,
        'Address to listen on; "0.0.0.0" lets every host that can reach this one read the metrics',
      ),
      port: setting(
        9090,
        integer(0, 65535),
        'Port to listen on; Prometheus itself uses 9090, too; 0 takes any free port',
      ),
      timeout_ms: setting(
        5000,
        integer(100, 60_000),
        'Timeout of a collection, in ms, after which the scrape gets a 503; keep it below the scrape timeout of Prometheus, which is 10 s by default',
      ),
      web_config_file: setting(
        '',
        path,
        "A web configuration file in Prometheus' format, with TLS, client certificates and passwords; empty: plain HTTP for everybody",
      ),
      allowed_hosts: setting(
        [],
        hostNames,
        'Further names of this machine that requests over loopback may be for, such as that of a proxy in front; `*` stands for any characters',
      ),
      native_histograms: setting<(typeof NATIVE_HISTOGRAMS)[number]>(
        'auto',
        oneOf(...NATIVE_HISTOGRAMS),
        '"auto": scrapers that ask for protobuf get native histograms in place of classic buckets; "with_classic": they get both; "off": nobody gets any',
      ),
    },
    otlp: {
      endpoint: setting(
        '',
        endpoint,
        'OTLP/gRPC endpoint, such as "http://localhost:4317" or, encrypted, "https://…"; empty: off, unless OTEL_EXPORTER_OTLP_ENDPOINT is set',
      ),
      ...otlp,
    },
    otlphttp: {
      endpoint: setting(
        '',
        endpoint,
        'OTLP/HTTP endpoint, such as "http://localhost:4318", to which /v1/metrics is added; empty: off, unless OTEL_EXPORTER_OTLP_ENDPOINT is set',
      ),
      ...otlp,
    },
    debug: {
      verbosity: setting<(typeof VERBOSITIES)[number]>(
        'basic',
        oneOf(...VERBOSITIES),
        '"basic": a line with the number of metrics and points; "detailed": a line for each point; on standard output',
      ),
      interval_ms: setting(60_000, integer(100, 3_600_000), 'Interval of exports, in ms'),
    },
  },
  views: setting<ViewConfig[]>(
    [],
    views,
    'OpenTelemetry views, which rename, drop, filter attributes, and change bounds and limits',
  ),
  service: {
    pipelines: {
      metrics: {
        receivers: setting<ReceiverName[]>([...receiverNames], receiverList, 'The receivers in use', {
          needsRestart: true,
        }),
        processors: setting<string[]>(
          [],
          instanceNames(PROCESSOR_TYPES, 'attributes/short', 0),
          'The processors in use, in their order: a type, or type/name',
        ),
        exporters: setting<string[]>(
          [...DEFAULT_EXPORTERS],
          instanceNames(EXPORTER_TYPES, 'otlp/eu', 1),
          'The exporters in use: a type, or type/name',
        ),
      },
    },
    history: setting(
      true,
      boolean,
      'Keeps the last five minutes of each container in memory, for /api/v1/containers, "floatie explain" and records of OOM kills',
      { needsRestart: true },
    ),
    telemetry: {
      log_level: setting<Settings['service']['telemetry']['log_level']>(
        'info',
        oneOf(...LOG_LEVELS),
        'The lowest level of the log: "debug", "info", "warn" or "error"',
      ),
      log_format: setting<LogFormat>(
        'text',
        oneOf(...LOG_FORMATS),
        '"text" for people; for programs "json", one object a line, or "logfmt", pairs such as level=info',
      ),
      resource: setting<Record<string, string>>(
        {},
        resource,
        'Further resource attributes, such as deployment.environment.name',
      ),
    },
  },
};
