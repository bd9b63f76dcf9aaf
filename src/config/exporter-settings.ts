/** The settings of exporters: types, defaults and reasons. */
import { choice, setting, type ValuesOf } from '../settings/setting.ts';
import { boolean, integer, isRecord, mapping, must, type Shape, textMatching, texts } from '../settings/shapes.ts';
import { showKey } from '../settings/show.ts';

/** The values of OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION. */
export const HISTOGRAM_AGGREGATIONS = ['explicit_bucket_histogram', 'base2_exponential_bucket_histogram'] as const;
/** The values of OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE. */
export const TEMPORALITIES = ['cumulative', 'delta', 'lowmemory'] as const;
/** The values of OTEL_EXPORTER_OTLP_COMPRESSION. */
export const COMPRESSIONS = ['none', 'gzip'] as const;
export const NATIVE_HISTOGRAMS = ['auto', 'with_classic', 'off'] as const;
export const VERBOSITIES = ['basic', 'detailed'] as const;

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

const endpoint = must(
  'empty or look like "http://host:4317", or "https://host:4317" for TLS',
  // src/config/endpoints.ts gives a host with a port its scheme.
  { type: 'string', pattern: '^$|^https?://.|^[^/?#@\\s]+:\\d+$' },
  (value) =>
    value === '' ||
    (typeof value === 'string' && /^https?:\/\//.test(value) && (URL.parse(value)?.hostname ?? '') !== ''),
);

const path = textMatching(/^[^\0]*$/, 'empty or the path of a file');

/** Names as in the Host header, without a port. */
const hostNames = texts(
  'a list of names of hosts without a port, such as "metrics.example" or "*.example"',
  textMatching(/^[\w.*?-]+$/, 'a name'),
);

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
  compression: choice('none', COMPRESSIONS, '"gzip" sends less over the network, for some CPU time at each export'),
  interval_ms: setting(60_000, integer(100, 3_600_000), 'Interval of exports, in ms'),
  timeout_ms: setting(10_000, integer(100, 60_000), 'Timeout of one export, in ms'),
  temporality: choice(
    'cumulative',
    TEMPORALITIES,
    '"cumulative": an outage loses resolution, but no count; "delta" for backends that need it: a failed export loses its counts; "lowmemory": delta for histograms only',
  ),
  default_histogram_aggregation: choice(
    'explicit_bucket_histogram',
    HISTOGRAM_AGGREGATIONS,
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

export const exporters = {
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
    allowed_hosts: setting<string[]>(
      [],
      hostNames,
      'Further names of this machine that requests over loopback may be for, such as that of a proxy in front; `*` stands for any characters',
    ),
    native_histograms: choice(
      'auto',
      NATIVE_HISTOGRAMS,
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
    verbosity: choice(
      'basic',
      VERBOSITIES,
      '"basic": a line with the number of metrics and points; "detailed": a line for each point; on standard output',
    ),
    interval_ms: setting(60_000, integer(100, 3_600_000), 'Interval of exports, in ms'),
  },
};

/** By type. */
export type Exporters = ValuesOf<typeof exporters>;
export type OtlpConfig = Exporters['otlp'];
export type PrometheusConfig = Exporters['prometheus'];
