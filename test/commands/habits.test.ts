/**
 * What people type and paste, as the documentation of the OpenTelemetry Collector, Prometheus, node_exporter, cAdvisor
 * and OpenTelemetry's eBPF instrumentation has it: it works, or a line names the cure.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseArguments } from '../../src/commands/arguments.ts';
import { ConfigError, load } from '../../src/config/load.ts';
import { parseTarget } from '../../src/exporters/prometheus/target.ts';

/** The lines that Floatie prints for it: problems, or warnings; and the configuration where there is one. */
function outcome(argv: readonly string[], env: Record<string, string> = {}) {
  try {
    const { config, warnings } = load(parseArguments(argv, env).sources);
    return { config, lines: warnings, isRefused: false };
  } catch (error) {
    const lines = error instanceof ConfigError ? error.problems : [(error as Error).message];
    return { config: null, lines, isRefused: true };
  }
}

const pasted = (yaml: string) => outcome([`--config=yaml:${yaml}`]);

/** A path in the configuration and its value. */
type Effect = readonly [path: string, value: unknown];

interface Row {
  readonly from: string;
  /** Arguments, or YAML that is pasted into the file. */
  readonly typed: readonly string[] | string;
  readonly env?: Record<string, string>;
  /** What it means; none where it is refused. */
  readonly effects?: readonly Effect[];
  /** The line that names the cure. */
  readonly line?: RegExp;
}

const rows: readonly Row[] = [
  // The OpenTelemetry Collector's configuration.
  {
    from: 'collector',
    typed: 'exporters: { prometheus: { endpoint: "0.0.0.0:8889" } }',
    effects: [
      ['exporters.prometheus.host', '0.0.0.0'],
      ['exporters.prometheus.port', 8889],
    ],
  },
  {
    from: 'collector',
    typed: 'exporters: { prometheus: { endpoint: "[::1]:8889" } }',
    effects: [['exporters.prometheus.host', '::1']],
  },
  {
    from: 'collector',
    typed: 'exporters: { prometheus: { endpoint: "8889" } }',
    line: /exporters\.prometheus\.endpoint: must be an address and a port, such as .*":9464"/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { endpoint: "otelcol:4317", tls: { insecure: true } } }',
    effects: [['exporters.otlp.endpoint', 'http://otelcol:4317']],
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { endpoint: "otelcol:4317" } }',
    effects: [['exporters.otlp.endpoint', 'https://otelcol:4317']],
    line: /has no scheme, so TLS is used; write http:\/\/ or tls: \{ insecure: true \} for none/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { endpoint: "https://otelcol:4317", tls: { insecure: true } } }',
    effects: [['exporters.otlp.endpoint', 'https://otelcol:4317']],
    line: /exporters\.otlp\.tls\.insecure: is ignored: the scheme of the endpoint says/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { timeout: 5s, compression: gzip, headers: { x-team: storage } } }',
    effects: [
      ['exporters.otlp.timeout_ms', 5000],
      ['exporters.otlp.compression', 'gzip'],
      ['exporters.otlp.headers', { 'x-team': 'storage' }],
    ],
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { compression: zstd } }',
    line: /exporters\.otlp\.compression: must be "none" or "gzip"/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { retry_on_failure: { enabled: true, initial_interval: 5s, max_elapsed_time: 300s } } }',
    effects: [],
    line: /retry_on_failure: is ignored: a failed export is repeated/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { sending_queue: { enabled: true, queue_size: 1000 } } }',
    effects: [],
    line: /sending_queue: is ignored: metrics need no queue/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { tls: { insecure_skip_verify: true } } }',
    effects: [],
    line: /insecure_skip_verify: is ignored: .*tls\.ca_file names the CA/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlp: { auth: { authenticator: bearertokenauth } } }',
    line: /exporters\.otlp\.auth: unknown key; headers: \{ authorization: "Bearer \$\{env:TOKEN\}" \}/,
  },
  {
    from: 'collector',
    typed: 'exporters: { otlphttp: { endpoint: "http://mimir/otlp", headers: { X-Scope-OrgID: 1 } } }',
    line: /exporters\.otlphttp\.headers\.X-Scope-OrgID: must be a text: write the value in quotes/,
  },
  {
    from: 'collector',
    typed: 'exporters: { prometheusremotewrite: { endpoint: "http://mimir/api/v1/push" } }',
    line: /exporters\.prometheusremotewrite: unknown key; let Prometheus scrape Floatie, or send OTLP to it/,
  },
  {
    from: 'collector',
    typed: 'exporters: { logging: }',
    line: /exporters\.logging: unknown key; it is called debug now/,
  },
  {
    from: 'collector',
    typed: 'exporters: { debug: { verbosity: normal } }',
    line: /exporters\.debug\.verbosity: must be "basic" or "detailed"/,
  },
  {
    from: 'collector',
    typed: 'processors: { batch: }\nservice: { pipelines: { metrics: { processors: [memory_limiter, batch] } } }',
    effects: [['service.pipelines.metrics.processors', []]],
    line: /"memory_limiter" is ignored: kernel\.max_map_entries/,
  },
  {
    from: 'collector',
    typed: 'processors: { filter: { metrics: { exclude: { match_type: strict, metric_names: [a] } } } }',
    line: /processors\.filter\.metrics: unknown key; it chooses cgroups here; a view drops a metric/,
  },
  {
    from: 'collector',
    typed: 'processors: { attributes/x: { include: { match_type: strict }, actions: [] } }',
    line: /processors\.attributes\/x\.include: unknown key; its actions are for every metric/,
  },
  {
    from: 'collector',
    typed: 'receivers: { otlp: { protocols: { grpc: } } }\nservice: { pipelines: { metrics: { receivers: [otlp] } } }',
    effects: [['service.pipelines.metrics.exporters', ['prometheus', 'otlp']]],
    line: /receivers\.otlp: is ignored: Floatie measures in the kernel, and receives nothing/,
  },
  {
    from: 'collector',
    typed: 'extensions: { health_check: }',
    effects: [],
    line: /extensions: is ignored: \/healthz and \/readyz are answered/,
  },
  {
    from: 'collector',
    typed: 'service: { telemetry: { logs: { level: DEBUG, encoding: json } } }',
    effects: [
      ['service.telemetry.log_level', 'debug'],
      ['service.telemetry.log_format', 'json'],
    ],
  },
  {
    from: 'collector',
    typed: 'service: { pipelines: { logs: { receivers: [otlp], exporters: [otlp] } } }',
    effects: [],
    line: /service\.pipelines\.logs: is ignored: records of single events go by OTLP/,
  },
  {
    from: 'collector',
    typed: 'service: { pipelines: { metrics/2: { exporters: [otlp] } } }',
    line: /service\.pipelines\.metrics\/2: unknown key; there is one pipeline/,
  },
  {
    from: 'collector',
    typed: 'recievers: { oom: }\nservice:',
    line: /recievers: unknown key; did you mean "receivers"\?/,
  },
  {
    from: 'collector',
    typed: 'exporters: { promethues: { port: 1 } }',
    line: /exporters\.promethues: unknown key; did you mean "exporters\.prometheus"\?/,
  },
  {
    from: 'collector',
    typed: 'exporters:\n  otlp: &base { compression: gzip }\n  otlp/eu: { <<: *base, endpoint: "http://eu:4317" }',
    effects: [
      ['exporters.otlp/eu.compression', 'gzip'],
      ['exporters.otlp/eu.endpoint', 'http://eu:4317'],
    ],
  },
  {
    from: 'collector',
    typed: ['--config=file:/dev/null', '--config=yaml:exporters::prometheus::port: 9464'],
    effects: [['exporters.prometheus.port', 9464]],
  },
  {
    from: 'collector',
    typed: ['--config=env:CONFIG'],
    env: { CONFIG: 'exporters: { prometheus: { port: 9464 } }' },
    effects: [['exporters.prometheus.port', 9464]],
  },
  { from: 'collector', typed: ['--config=https://example/c.yaml'], line: /reads no URL; fetch it before: curl/ },
  {
    from: 'collector',
    typed: ['--config=/nonexistent/a.yaml', '--config=/dev/null'],
    effects: [],
    line: /--config \/nonexistent\/a\.yaml: is ignored: of several files the last one counts/,
  },
  {
    from: 'collector',
    typed: ['--set=processors.batch.timeout=2s'],
    effects: [],
    line: /--set processors\.batch\.timeout: is ignored: Floatie exports each collection as a whole/,
  },
  // Durations and sizes, as Prometheus, Kubernetes and the collector have them.
  {
    from: 'Prometheus',
    typed: 'exporters: { otlp: { interval: 1m30s } }\nreceivers: { overlayfs: { expire: 5m }, oom: { retain: 7d } }',
    effects: [
      ['exporters.otlp.interval_ms', 90_000],
      ['receivers.overlayfs.expire_ms', 300_000],
      ['receivers.oom.retain_ms', 604_800_000],
    ],
  },
  {
    from: 'Prometheus',
    typed: 'exporters: { otlp: { interval: 30s, interval_ms: 30000 } }',
    line: /exporters\.otlp\.interval_ms: says the same as exporters\.otlp\.interval; keep one of them/,
  },
  {
    from: 'Prometheus',
    typed: 'exporters: { otlp: { interval: 30 } }',
    line: /exporters\.otlp\.interval: must be a duration from 100ms to 1h, such as 1m, not 30/,
  },
  {
    from: 'Kubernetes',
    typed: 'receivers: { oom: { ring: 1MiB } }',
    effects: [['receivers.oom.ring_bytes', 2 ** 20]],
  },
  {
    from: 'Kubernetes',
    typed: 'receivers: { oom: { ring: 64MB } }',
    line: /receivers\.oom\.ring: must be a power of two from 4096 to 67108864 bytes, not "64MB"/,
  },
  // Flags.
  {
    from: 'Prometheus',
    typed: ['--web.listen-address=:9464'],
    effects: [
      ['exporters.prometheus.host', '0.0.0.0'],
      ['exporters.prometheus.port', 9464],
    ],
  },
  {
    from: 'node_exporter',
    typed: ['--web.listen-address=127.0.0.1:9100', '--log.level=debug', '--log.format=json'],
    effects: [
      ['exporters.prometheus.port', 9100],
      ['service.telemetry.log_level', 'debug'],
      ['service.telemetry.log_format', 'json'],
    ],
  },
  {
    from: 'node_exporter',
    typed: ['--web.config.file=/etc/web.yml'],
    effects: [['exporters.prometheus.web_config_file', '/etc/web.yml']],
  },
  { from: 'Prometheus', typed: ['--config.file=a.yml'], line: /Unknown flag "--config\.file"; write --config FILE/ },
  { from: 'node_exporter', typed: ['--no-collector.arp'], line: /receivers are chosen by --set service\.pipelines/ },
  { from: 'node_exporter', typed: ['--path.rootfs=/host'], line: /Unknown flag "--path\.rootfs"; .*PID namespace/ },
  { from: 'node_exporter', typed: ['--web.telemetry-path=/m'], line: /the metrics are at \/metrics/ },
  { from: 'cAdvisor', typed: ['-config=a.yaml'], line: /Unknown flag "-config"; write --config/ },
  { from: 'cAdvisor', typed: ['-port=8080'], line: /Unknown flag "-port"; write --web\.listen-address :PORT/ },
  { from: 'cAdvisor', typed: ['--docker_only=true'], line: /--set containers\.include=/ },
  { from: 'cAdvisor', typed: ['--store_container_labels=true'], line: /--set containers\.names=true/ },
  { from: 'cAdvisor', typed: ['--disable_metrics=disk'], line: /receivers are chosen by/ },
  { from: 'cAdvisor', typed: ['--housekeeping_interval=10s'], line: /every scrape reads anew/ },
  // OpenTelemetry's eBPF instrumentation.
  { from: 'OBI', typed: 'prometheus_export: { port: 8999, path: /metrics }', line: /it is exporters\.prometheus here/ },
  { from: 'OBI', typed: 'otel_metrics_export: { endpoint: "http://otelcol:4318" }', line: /it is exporters\.otlp or/ },
  {
    from: 'OBI',
    typed: 'discovery: { services: [{ open_ports: 8443 }] }',
    line: /every container is measured; contai/,
  },
  { from: 'OBI', typed: 'log_level: DEBUG', line: /it is service\.telemetry\.log_level here/ },
  // Prometheus' own configuration.
  {
    from: 'Prometheus',
    typed: 'scrape_configs: [{ job_name: floatie }]',
    line: /scrape_configs: unknown key; this belongs into the configuration of Prometheus/,
  },
];

suite('what people type and paste works, or is answered by the cure:', () => {
  for (const { from, typed, env, effects, line } of rows) {
    test(`${from}: ${typeof typed === 'string' ? typed : typed.join(' ')}`, () => {
      const { config, lines, isRefused } = typeof typed === 'string' ? pasted(typed) : outcome(typed, env);
      assert.equal(isRefused, effects === undefined, lines.join('\n'));
      if (line === undefined) assert.deepEqual(lines, []);
      else assert.ok(lines.length > 0 && lines.some((one) => line.test(one)), lines.join('\n'));
      for (const [path, value] of effects ?? []) assert.deepEqual(at(config, path), value);
    });
  }

  test('there are forty of them and more', () => assert.ok(rows.length >= 40));

  test('a collector’s whole configuration has one line for each key that means nothing here', () => {
    const { isRefused, lines, config } = pasted(`
receivers: { otlp: { protocols: { grpc: { endpoint: 0.0.0.0:4317 } } }, hostmetrics: { scrapers: { cpu: } } }
processors: { memory_limiter: { limit_mib: 512 }, batch: { timeout: 1s } }
exporters:
  otlp: { endpoint: "gateway:4317", tls: { insecure: true }, retry_on_failure: { enabled: true } }
  prometheus: { endpoint: 0.0.0.0:8889, namespace: shop }
extensions: { health_check: , pprof: }
service:
  extensions: [health_check, pprof]
  telemetry: { logs: { level: info }, metrics: { level: detailed } }
  pipelines:
    traces: { receivers: [otlp], exporters: [otlp] }
    metrics: { receivers: [otlp, hostmetrics], processors: [memory_limiter, batch], exporters: [otlp, prometheus] }
`);
    assert.deepEqual([isRefused, lines.length], [false, 11 - 1], lines.join('\n'));
    assert.deepEqual(config?.service.pipelines.metrics.exporters, ['otlp', 'prometheus']);
  });

  test('Prometheus with metrics_path: /metrics/ is answered', () => {
    assert.equal(parseTarget('/metrics/').path, '/metrics');
  });
});

function at(config: unknown, path: string): unknown {
  return path.split('.').reduce((node, part) => (node as Record<string, unknown> | null)?.[part], config);
}
