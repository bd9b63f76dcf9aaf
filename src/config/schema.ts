/** Every setting: its type, default and reason. config/floatie.yaml shows the same to people; a test compares them. */
import convict, { type Schema, type SchemaObj } from 'convict';
import type { Attach } from '../receivers/overlayfs.ts';
import { WINDOWS, type Window } from '../receivers/pressure.ts';

export interface ViewConfig {
  readonly selector: { readonly instrument_name: string };
  readonly stream: {
    readonly name?: string;
    readonly description?: string;
    readonly attribute_keys?: { readonly included?: string[]; readonly excluded?: string[] };
    readonly aggregation?: {
      readonly drop?: object;
      readonly explicit_bucket_histogram?: { readonly boundaries: number[] };
    };
    readonly aggregation_cardinality_limit?: number;
  };
}

export const RECEIVERS = ['overlayfs', 'oom', 'pressure'] as const;
export const EXPORTER_TYPES = ['prometheus', 'otlp', 'otlphttp', 'debug'] as const;
export type ExporterType = (typeof EXPORTER_TYPES)[number];
const DEFAULT_EXPORTERS: readonly ExporterType[] = ['prometheus', 'otlp'];
/** As OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION has them. */
export const HISTOGRAM_AGGREGATIONS = ['explicit_bucket_histogram', 'base2_exponential_bucket_histogram'] as const;
/** As OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE has them. */
export const TEMPORALITIES = ['cumulative', 'delta', 'lowmemory'] as const;
export const VERBOSITIES = ['basic', 'detailed'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export interface OtlpConfig {
  endpoint: string;
  headers: Record<string, string>;
  interval_ms: number;
  timeout_ms: number;
  temporality: (typeof TEMPORALITIES)[number];
  default_histogram_aggregation: (typeof HISTOGRAM_AGGREGATIONS)[number];
  exponential: { max_scale: number; max_size: number };
}

export interface OtlpGrpcConfig extends OtlpConfig {
  tls: { ca_file: string; cert_file: string; key_file: string };
}

export interface Exporters {
  prometheus: { host: string; port: number; timeout_ms: number; web_config_file: string };
  otlp: OtlpGrpcConfig;
  otlphttp: OtlpConfig;
  debug: { verbosity: (typeof VERBOSITIES)[number]; interval_ms: number };
}

export interface Config {
  kernel: { pid_ns_inum: number | 'self'; cgroup: string; max_map_entries: number };
  containers: { names: boolean; include: string[]; exclude: string[] };
  receivers: {
    overlayfs: { attach: Attach; bounds_us: number[]; expire_ms: number };
    oom: { max_series: number; retain_ms: number; ring_bytes: number };
    pressure: { window: Window };
  };
  /** By type; those called `type/name` are beside them, where src/config/exporters.ts finds them. */
  exporters: Exporters;
  views: ViewConfig[];
  service: {
    pipelines: {
      /** Exporters are a type, or `type/name`. */
      metrics: { receivers: (typeof RECEIVERS)[number][]; exporters: string[] };
    };
    telemetry: {
      log_level: (typeof LOG_LEVELS)[number];
      log_format: 'text' | 'json';
      resource: Record<string, string>;
    };
  };
}

/** 1 µs, 2 µs, 4 µs … 0.52 s. */
const DEFAULT_BOUNDS_US = Array.from({ length: 20 }, (_, power) => 2 ** power);

type Check = (value: unknown) => void;

const checks = new Map<unknown, Check>();

/**
 * One setting. Its check becomes a named format of convict with a converter that changes nothing:
 * convict would otherwise turn the text "9090x" into the number 9090 wherever the default is a number.
 */
function setting<T>(value: T, check: Check, doc: string): SchemaObj<T> {
  const name = `floatie-${checks.size}`;
  checks.set(name, check);
  convict.addFormat({ name, validate: check, coerce: (text: unknown) => text });
  return { default: value, format: name as SchemaObj<T>['format'], doc };
}

function integer(minimum: number, maximum: number): (value: unknown) => void {
  return (value) => {
    if (!Number.isInteger(value) || (value as number) < minimum || (value as number) > maximum) {
      throw new Error(`must be a whole number from ${minimum} to ${maximum}`);
    }
  };
}

function oneOf(...allowed: readonly string[]): (value: unknown) => void {
  return (value) => {
    if (!allowed.includes(value as string)) throw new Error(`must be ${alternatives(allowed)}`);
  };
}

function alternatives(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  return quoted.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

function listOf(allowed: readonly string[]): (value: unknown) => void {
  return (value) => {
    if (!Array.isArray(value) || value.length === 0 || value.some((item) => !allowed.includes(item))) {
      throw new Error(`must be a list of ${allowed.map((word) => `"${word}"`).join(', ')}`);
    }
    if (new Set(value).size < value.length) throw new Error('must name each only once');
  };
}

/** An exporter in a pipeline, or the name of one below `exporters`. */
export const EXPORTER_NAME = new RegExp(`^(${EXPORTER_TYPES.join('|')})(/[A-Za-z0-9_-]+)?$`);

function exporterNames(value: unknown): void {
  if (
    !Array.isArray(value) ||
    value.length === 0 ||
    value.some((item) => typeof item !== 'string' || !EXPORTER_NAME.test(item))
  ) {
    throw new Error(`must be a list of ${alternatives(EXPORTER_TYPES)}, each with a name if wanted, such as "otlp/eu"`);
  }
  if (new Set(value).size < value.length) throw new Error('must name each only once');
}

/** What both HTTP and gRPC allow as texts. */
function headers(value: unknown): void {
  if (
    !isRecord(value) ||
    Object.keys(value).some((name) => !/^[A-Za-z0-9_.-]+$/.test(name) || /-bin$/i.test(name)) ||
    Object.values(value).some((text) => typeof text !== 'string' || !/^[\x20-\x7e]*$/.test(text))
  ) {
    throw new Error('must be a mapping of names of headers to texts of printable ASCII');
  }
}

function host(value: unknown): void {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_.:-]+$/.test(value)) {
    throw new Error('must be an address or a host name, such as "127.0.0.1", "::1" or "0.0.0.0"');
  }
}

function pidNamespace(value: unknown): void {
  if (value !== 'self' && (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 0xffffffff)) {
    throw new Error('must be 0 (all), "self", or a number from "readlink /proc/PID/ns/pid"');
  }
}

function cgroup(value: unknown): void {
  if (value === '') return;
  if (typeof value !== 'string' || !/^(\/[^/\0]+)+$/.test(value) || value.split('/').includes('..')) {
    throw new Error('must be empty (all), or a path below the root of the hierarchy, such as "/system.slice"');
  }
}

/** Why these are no bounds of a histogram, or null. */
export function boundsProblem(value: unknown): string | null {
  if (!Array.isArray(value) || value.length === 0) return 'must be a list of numbers, in microseconds';
  if (value.length > 200) return 'must have at most 200 bounds';
  if (value.some((bound) => typeof bound !== 'number' || !(bound >= 0.001 && bound <= 1e9))) {
    return 'must have numbers from 0.001 to 1000000000 only, in microseconds';
  }
  if (value.some((bound) => Math.abs(Math.round(bound * 1000) - bound * 1000) > 1e-6)) {
    return 'must have whole nanoseconds: at most three decimals';
  }
  if (value.some((bound, index) => index > 0 && bound <= value[index - 1])) return 'must rise from bound to bound';
  return null;
}

function bounds(value: unknown): void {
  const problem = boundsProblem(value);
  if (problem !== null) throw new Error(problem);
}

function ringBytes(value: unknown): void {
  if (
    !Number.isInteger(value) ||
    (value as number) < 4096 ||
    (value as number) > 1 << 26 ||
    !isPowerOfTwo(value as number)
  ) {
    throw new Error('must be a power of two from 4096 to 67108864');
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function endpoint(value: unknown): void {
  if (value === '') return;
  const url = typeof value === 'string' && /^https?:\/\//.test(value) ? URL.parse(value) : null;
  if (url === null || url.hostname === '') {
    throw new Error('must be empty or look like "http://host:4317", or "https://host:4317" for TLS');
  }
}

function path(value: unknown): void {
  if (typeof value !== 'string' || value.includes('\0')) throw new Error('must be empty or the path of a file');
}

function boolean(value: unknown): void {
  if (typeof value !== 'boolean') throw new Error('must be true or false');
}

/** The paths of cgroups begin with a slash: anything else would match nothing, silently. */
function cgroupPatterns(value: unknown): void {
  if (!Array.isArray(value) || value.some((pattern) => typeof pattern !== 'string' || !/^[/*]/.test(pattern))) {
    throw new Error('must be a list of paths of cgroups that begin with "/" or "*", such as "/system.slice/*"');
  }
}

function resource(value: unknown): void {
  if (!isRecord(value) || Object.values(value).some((item) => typeof item !== 'string')) {
    throw new Error('must be a mapping of attribute names to texts');
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  // YAML 1.1 knows sets and dates as well.
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** What is wrong with a value for a setting, or null. */
export function settingProblem({ format }: SchemaObj, value: unknown): string | null {
  try {
    checks.get(format)?.(value);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Checked by src/config/views.ts, which names the key inside the list. */
function list(value: unknown): void {
  if (!Array.isArray(value)) throw new Error('must be a list of views');
}

/** What the exporters of OTLP have in common. */
const otlp = {
  headers: {
    ...setting<Record<string, string>>({}, headers, 'Headers of every request, such as an authorization; never shown'),
    sensitive: true,
  },
  interval_ms: setting(60_000, integer(100, 3_600_000), 'Time between two exports, in ms'),
  timeout_ms: setting(10_000, integer(100, 60_000), 'How long one export may take, in ms'),
  temporality: setting<(typeof TEMPORALITIES)[number]>(
    'cumulative',
    oneOf(...TEMPORALITIES),
    '"cumulative": an outage loses resolution, never totals; "delta" for backends that want it, where a failed export is lost; "lowmemory": delta for histograms only',
  ),
  default_histogram_aggregation: setting<(typeof HISTOGRAM_AGGREGATIONS)[number]>(
    'explicit_bucket_histogram',
    oneOf(...HISTOGRAM_AGGREGATIONS),
    'Histograms that no view gives buckets: "explicit_bucket_histogram" on receivers.overlayfs.bounds_us, or "base2_exponential_bucket_histogram"',
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
      'Buckets at most between the first and the last that hold something; a wider histogram gets wider buckets',
    ),
  },
};

export const schema: Schema<Config> = {
  kernel: {
    pid_ns_inum: setting<number | 'self'>(
      0,
      pidNamespace,
      'Measure only this PID namespace and those below it: 0 for all, "self" for Floatie\'s own, or the number in "readlink /proc/PID/ns/pid"',
    ),
    cgroup: setting(
      '',
      cgroup,
      'Measure only this cgroup and those below it, such as "/kubepods.slice", as /proc/PID/cgroup names it; empty: all',
    ),
    max_map_entries: setting(
      1024,
      integer(1, 65536),
      'How many cgroups get series of their own; all others share one, marked otel_metric_overflow="true"',
    ),
  },
  containers: {
    names: setting(
      false,
      boolean,
      "Adds the names of containers, images and pods to their series, from the runtimes' files on disk",
    ),
    include: setting<string[]>([], cgroupPatterns, 'Only these cgroups get series: paths with * and ?; empty: all'),
    exclude: setting<string[]>(
      [],
      cgroupPatterns,
      'These cgroups get no series, even if they are included; what they do is counted in floatie_overlayfs_excluded_total',
    ),
  },
  receivers: {
    overlayfs: {
      attach: setting<Attach>(
        'auto',
        oneOf('auto', 'fentry', 'kprobe', 'syscall'),
        'How to attach to the kernel: "auto" takes the cheapest way that is exact here; "fentry" and "kprobe" follow overlayfs\' own functions, "syscall" the read and write system calls',
      ),
      bounds_us: setting(
        DEFAULT_BOUNDS_US,
        bounds,
        'Upper bounds of the histogram buckets in microseconds, inclusive; the kernel counts on exactly these',
      ),
      expire_ms: setting(
        300_000,
        integer(1000, 86_400_000),
        'How long the series of a removed cgroup stay, in ms; several scrape intervals, so that their last values are seen',
      ),
    },
    oom: {
      max_series: setting(1000, integer(1, 100_000), 'How many series of victims are kept: the most recent ones'),
      retain_ms: setting(
        86_400_000,
        integer(60_000, 31_536_000_000),
        'How long a series of victims is kept after its last kill, in ms; a day, so that the morning after still shows it',
      ),
      ring_bytes: setting(
        262_144,
        ringBytes,
        'Size of the buffer for the details of kills, a power of two; kills that find no room are counted under victim_comm="unknown"',
      ),
    },
    pressure: {
      window: setting<Window>(
        'avg10',
        oneOf(...WINDOWS),
        'The time the score is a mean of: "avg10", "avg60" or "avg300" seconds',
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
        'Port to listen on; 9090 is also what Prometheus itself uses; 0 takes any',
      ),
      timeout_ms: setting(
        5000,
        integer(100, 60_000),
        'How long a collection may take, in ms, before the scrape gets a 503; below the scrape timeout of Prometheus, which is 10 s',
      ),
      web_config_file: setting(
        '',
        path,
        'A web configuration file as Prometheus has it, with TLS, client certificates and passwords; empty: plain HTTP for everybody',
      ),
    },
    otlp: {
      endpoint: setting(
        '',
        endpoint,
        'OTLP/gRPC endpoint, such as "http://localhost:4317" or, encrypted, "https://…"; empty: off, unless OTEL_EXPORTER_OTLP_ENDPOINT is set',
      ),
      ...otlp,
      tls: {
        ca_file: setting(
          '',
          path,
          'Certificate of the authority that the collector is trusted by; empty: those of Node',
        ),
        cert_file: setting('', path, 'Certificate to show to the collector; empty: none'),
        key_file: setting('', path, 'Private key of that certificate'),
      },
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
        '"basic": a line that counts metrics and points; "detailed": a line for each point; on standard output',
      ),
      interval_ms: setting(60_000, integer(100, 3_600_000), 'Time between two exports, in ms'),
    },
  },
  views: setting<ViewConfig[]>([], list, 'OpenTelemetry views: rename, filter attributes, other bounds, limits, drop'),
  service: {
    pipelines: {
      metrics: {
        receivers: setting<(typeof RECEIVERS)[number][]>([...RECEIVERS], listOf(RECEIVERS), 'What is measured'),
        exporters: setting<string[]>(
          [...DEFAULT_EXPORTERS],
          exporterNames,
          'Where it goes: a type of exporter, or type/name',
        ),
      },
    },
    telemetry: {
      log_level: setting<Config['service']['telemetry']['log_level']>(
        'info',
        oneOf(...LOG_LEVELS),
        'The least important lines to log: "debug", "info", "warn" or "error"',
      ),
      log_format: setting<'text' | 'json'>(
        'text',
        oneOf('text', 'json'),
        '"text" for people, "json" for programs: one object a line',
      ),
      resource: setting<Record<string, string>>(
        {},
        resource,
        'More resource attributes, such as deployment.environment.name',
      ),
    },
  },
};
