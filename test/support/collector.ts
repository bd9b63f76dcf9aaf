/** A real OpenTelemetry Collector whose debug exporter prints every point and log record it receives. */
import { eventually } from './eventually.ts';
import { type Daemon, folder, freePort, peer, startDaemon } from './peers.ts';

export interface Point {
  readonly name: string;
  /** The collector's type: `Sum`, `Gauge`, `Histogram` or `ExponentialHistogram`. */
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The value of a number; the count of a histogram. */
  readonly value: number;
  readonly sum?: number;
  /** The upper bounds of a histogram's buckets; an exponential one has only non-empty buckets. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly temporality: string;
}

/** What one export has of one resource. */
export interface Export {
  readonly resource: Readonly<Record<string, string>>;
  /** Of the instrumentation scope. */
  readonly scope: Readonly<Record<string, string>>;
  readonly points: readonly Point[];
}

export interface LogRecord {
  readonly resource: Readonly<Record<string, string>>;
  readonly eventName: string | undefined;
  readonly severity: string | undefined;
  readonly timestamp: string | undefined;
  /** As the collector prints them. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Collector extends AsyncDisposable {
  /** The endpoint of OTLP over gRPC. */
  readonly endpoint: string;
  /** The endpoint of OTLP over HTTP. */
  readonly httpEndpoint: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Every export since the beginning, across restarts. */
  exports(): Export[];
  /** Every record of an OOM kill since the beginning, across restarts. Other SIGKILLs happen on any machine. */
  logRecords(eventName?: string): LogRecord[];
}

/**
 * @param tls as in the collector's configuration of a server
 * @param verbosity "basic" prints only numbers of points
 * @param known what the collector adds to resources, by their container.id
 */
export async function createCollector(
  tls?: Readonly<Record<string, string>>,
  verbosity: 'basic' | 'detailed' = 'detailed',
  known: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Promise<Collector> {
  const port = await freePort();
  const httpPort = await freePort();
  const home = folder({
    'config.yaml': `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${port}", tls: ${JSON.stringify(tls ?? null)}}, http: {endpoint: "127.0.0.1:${httpPort}"}}}}
processors: {associate: {containers: ${JSON.stringify(known)}}}
exporters: {debug: {verbosity: ${verbosity}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [otlp], processors: [associate], exporters: [debug]}
    logs: {receivers: [otlp], processors: [associate], exporters: [debug]}
`,
  });
  let daemon: Daemon | null = null;
  let before = '';
  const stop = async (): Promise<void> => {
    if (daemon === null) return;
    await daemon.stop();
    before += daemon.output();
    daemon = null;
  };
  return {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    httpEndpoint: `http://127.0.0.1:${httpPort}`,
    async start() {
      const started = startDaemon(peer('otelcol'), ['--config', 'config.yaml'], { cwd: home.path });
      daemon = started;
      await eventually('the collector is ready', () => started.output().includes('Everything is ready'));
    },
    stop,
    exports: () => parseExports(before + (daemon?.output() ?? '')),
    logRecords: (wanted = 'floatie.oom.kill') =>
      parseLogs(before + (daemon?.output() ?? '')).filter(({ eventName }) => eventName === wanted),
    async [Symbol.asyncDispose]() {
      await stop();
      home[Symbol.dispose]();
    },
  };
}

/** Parses the output of the debug exporter with `verbosity: detailed`. */
function parseExports(output: string): Export[] {
  return blocks(output, 'ResourceMetrics').map((text) => {
    const [head = '', ...scopes] = text.split(/^ScopeMetrics #\d+\n/m);
    const parts = scopes.map((scope) => scope.split(/^Metric #\d+\n/m));
    return {
      resource: attributesIn(head),
      scope: attributesIn(parts[0]?.[0] ?? ''),
      points: parts.flatMap(([, ...metrics]) => metrics.flatMap(parseMetric)),
    };
  });
}

function parseLogs(output: string): LogRecord[] {
  return blocks(output, 'ResourceLog').flatMap((text) => {
    const [head = '', ...scopes] = text.split(/^ScopeLogs #\d+\n/m);
    const records = scopes.flatMap((scope) => scope.split(/^LogRecord #\d+\n/m).slice(1));
    return records.map((record) => ({
      resource: attributesIn(head),
      eventName: field('EventName', record),
      severity: field('SeverityText', record),
      timestamp: field('Timestamp', record),
      attributes: attributesIn(record),
    }));
  });
}

/** The text of each resource of a kind, from its head to the next one's of any kind. */
function blocks(output: string, kind: string): string[] {
  const parts = output.split(/(Resource(?:Metrics|Log) #\d+\n)/);
  return parts.filter((_, index) => parts[index - 1]?.startsWith(`${kind} #`));
}

function field(name: string, where: string): string | undefined {
  return new RegExp(`^(?: +-> )?${name}: (.*)$`, 'm').exec(where)?.[1];
}

function parseMetric(text: string): Point[] {
  const [descriptor = '', ...points] = text.split(/^(?:Number|Histogram|ExponentialHistogram)DataPoints #\d+\n/m);
  return points.map((point): Point => {
    const sum = field('Sum', point);
    return {
      name: field('Name', descriptor) ?? '',
      type: field('DataType', descriptor) ?? '',
      attributes: attributesIn(point),
      value: Number(field('Value', point) ?? field('Count', point)),
      ...(sum === undefined ? {} : { sum: Number(sum) }),
      bounds: numbers(point, /^(?:ExplicitBounds #\d+: |Bucket .*, )([-+.\de]+)(?:[\])], Count: \d+)?$/gm),
      counts: numbers(point, /^Bucket.*, Count: (\d+)$/gm),
      temporality: field('AggregationTemporality', descriptor) ?? '',
    };
  });
}

function numbers(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map(([, number]) => Number(number));
}

function attributesIn(text: string): Record<string, string> {
  const found = text.matchAll(/^ +-> ([\w.]+): (?:Str|Bool|Int|Double)\((.*)\)$/gm);
  return Object.fromEntries([...found].map(([, key = '', value = '']) => [key, value]));
}
