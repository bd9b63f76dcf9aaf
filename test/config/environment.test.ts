// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references look like these
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isSdkDisabled } from '../../src/config/environment.ts';
import { load as loadSources, type Sources } from '../../src/config/load.ts';
import { endpointFrom } from '../../src/config/otlp-variables.ts';
import { redact } from '../../src/config/redact.ts';

const folder = mkdtempSync(join(tmpdir(), 'floatie-environment-'));
after(() => rmSync(folder, { recursive: true }));
const FILE = join(folder, 'floatie.yaml');

function withWarnings(env: Sources['env'], yaml = '', set: readonly string[] = []) {
  writeFileSync(FILE, yaml);
  return loadSources({ file: FILE, env, set });
}

function load(...given: Parameters<typeof withWarnings>) {
  return withWarnings(...given).config;
}

function warningsOf(...given: Parameters<typeof withWarnings>) {
  return withWarnings(...given).warnings.map((warning) => warning.replaceAll(FILE, 'FILE'));
}

suite("OpenTelemetry's variables", () => {
  const rows: [variable: string, value: string, setting: string, expected: unknown][] = [
    ['OTEL_METRIC_EXPORT_INTERVAL', '1500', 'interval_ms', 1500],
    ['OTEL_METRIC_EXPORT_TIMEOUT', '1500', 'timeout_ms', 1500],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '1500', 'timeout_ms', 1500],
    ['OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', '1500', 'timeout_ms', 1500],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'Delta', 'temporality', 'delta'],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'CUMULATIVE', 'temporality', 'cumulative'],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'LowMemory', 'temporality', 'lowmemory'],
    [
      'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
      'base2_exponential_bucket_histogram',
      'default_histogram_aggregation',
      'base2_exponential_bucket_histogram',
    ],
  ];
  for (const [variable, value, setting, expected] of rows) {
    test(`${variable}=${value} is exporters.otlp.${setting}`, () => {
      assert.equal(
        (load({ [variable]: value }).exporters.otlp as unknown as Record<string, unknown>)[setting],
        expected,
      );
    });

    test(`${variable} that is empty is none`, () => assert.deepEqual(load({ [variable]: ' ' }), load({})));
  }

  test('of which two say the same: the one that is nearer to the exporter wins', () => {
    const env = { OTEL_METRIC_EXPORT_TIMEOUT: '1001', OTEL_EXPORTER_OTLP_TIMEOUT: '1002' };
    assert.equal(load(env).exporters.otlp.timeout_ms, 1002);
    assert.equal(load({ ...env, OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '1003' }).exporters.otlp.timeout_ms, 1003);
  });

  test('that make no sense are warnings with their names and without their values, and count for nothing', () => {
    const env = {
      ...{ OTEL_METRIC_EXPORT_INTERVAL: '1 s', OTEL_RESOURCE_ATTRIBUTES: 'team=50%,a=b', OTEL_SDK_DISABLED: 'yes' },
      OTEL_EXPORTER_OTLP_HEADERS: 'Bearer secret',
    };
    assert.deepEqual(redact(load(env)), redact(load({})));
    assert.deepEqual(warningsOf(env), [
      'OTEL_RESOURCE_ATTRIBUTES: is ignored: it must look like key=value,key=value, with %25 for a percent sign',
      'OTEL_METRIC_EXPORT_INTERVAL: is ignored: it must be a whole number from 100 to 3600000',
      'OTEL_SDK_DISABLED: is ignored: it must be true or false',
      'OTEL_EXPORTER_OTLP_HEADERS: what does not look like key=value,key=value, with %25 for a percent sign, is left out',
    ]);
  });

  test('that make no sense leave the setting to the next that does', () => {
    const env = { OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: 'soon', OTEL_EXPORTER_OTLP_TIMEOUT: '1002' };
    assert.equal(load(env).exporters.otlp.timeout_ms, 1002);
    assert.deepEqual(warningsOf(env), [
      'OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: is ignored: it must be a whole number from 100 to 60000',
    ]);
  });

  for (const [name, value] of [
    ['OTEL_METRIC_EXPORT_INTERVAL', '10'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '1e9999'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd'],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'sometimes'],
    ['OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION', '{}'],
    ['OTEL_EXPORTER_OTLP_INSECURE', '1'],
  ] as const) {
    test(`is a warning: ${name}=${value}`, () => {
      assert.deepEqual(load({ [name]: value }), load({}));
      assert.match(warningsOf({ [name]: value }).join(), new RegExp(`^${name}: is ignored: it must be `));
    });
  }

  test('that Floatie does not know are not looked at', () => {
    const env = { OTEL_TRACES_SAMPLER: 'all of them', OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'never', OTEL_NONSENSE: '%' };
    assert.deepEqual([load(env), warningsOf(env)], [load({}), []]);
  });

  test('are warnings once, however many exporters they are for', () => {
    const yaml = 'service: { pipelines: { metrics: { exporters: [otlp, otlphttp, debug] } } }';
    assert.equal(warningsOf({ OTEL_METRIC_EXPORT_INTERVAL: 'x' }, yaml).length, 1);
  });

  test('that make no sense do not matter where something else wins over them', () => {
    const given = [{ OTEL_METRIC_EXPORT_INTERVAL: '1 s' }, '', ['exporters.otlp.interval_ms=100']] as const;
    assert.equal(load(...given).exporters.otlp.interval_ms, 100);
    assert.deepEqual(warningsOf(...given), []);
  });
});

suite('the sources, each of which wins over those before it', () => {
  const env = { OTEL_METRIC_EXPORT_INTERVAL: '1001' };
  const yaml = 'exporters: { otlp: { interval_ms: 1002 } }';
  const own = { ...env, FLOATIE_EXPORTERS_OTLP_INTERVAL_MS: '1003' };
  const set = ['exporters.otlp.interval_ms=1004'];
  const rows: [string, Parameters<typeof load>, number][] = [
    ['the default', [{}], 60_000],
    ['OTEL_*', [env], 1001],
    ['the file', [env, yaml], 1002],
    ['FLOATIE_*', [own, yaml], 1003],
    ['--set', [own, yaml, set], 1004],
  ];
  for (const [name, sources, expected] of rows) {
    test(name, () => assert.equal(load(...sources).exporters.otlp.interval_ms, expected));
  }

  test('but a key with nothing behind it leaves the value to those before the file', () => {
    assert.equal(load(env, 'exporters: { otlp: { interval_ms: } }').exporters.otlp.interval_ms, 1001);
  });
});

suite('resource attributes', () => {
  const resourceOf = (...args: Parameters<typeof load>) => load(...args).service.telemetry.resource;

  test('of OTEL_RESOURCE_ATTRIBUTES are separated by commas and percent-encoded', () => {
    assert.deepEqual(resourceOf({ OTEL_RESOURCE_ATTRIBUTES: 'a.b=1, c=x%2Cy%3Dz ,d=,' }), {
      'a.b': '1',
      c: 'x,y=z',
      d: '',
    });
  });

  test('have the name of OTEL_SERVICE_NAME, whatever the list says', () => {
    assert.deepEqual(resourceOf({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=a', OTEL_SERVICE_NAME: 'b' }), {
      'service.name': 'b',
    });
  });

  test('of the file win one by one', () => {
    const yaml = 'service: { telemetry: { resource: { a: file, c: "${env:C}" } } }';
    assert.deepEqual(resourceOf({ OTEL_RESOURCE_ATTRIBUTES: 'a=x,b=y', C: '5' }, yaml), { a: 'file', b: 'y', c: '5' });
  });

  test('called __proto__ reach no prototype', () => {
    resourceOf({ OTEL_RESOURCE_ATTRIBUTES: '__proto__=x,constructor=y' });
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  });

  for (const list of ['=x', 'a', 'a=%E0%A4%A', 'b=c,team=50%', '%=a']) {
    test(`that cannot be read are ignored as a whole, as OpenTelemetry wants it: ${list}`, () => {
      const env = { OTEL_RESOURCE_ATTRIBUTES: list, OTEL_SERVICE_NAME: 'b' };
      assert.deepEqual(resourceOf(env), { 'service.name': 'b' });
      assert.match(warningsOf(env).join(), /^OTEL_RESOURCE_ATTRIBUTES: is ignored: /);
    });
  }
});

suite('the protocol', () => {
  const exportersOf = (...given: Parameters<typeof load>) => load(...given).service.pipelines.metrics.exporters;
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

  for (const [value, expected] of [
    ['grpc', 'otlp'],
    ['http/protobuf', 'otlphttp'],
    ['HTTP/Protobuf', 'otlphttp'],
    ['http/json', 'otlphttp'],
    ['', 'otlp'],
    ['carrier pigeons', 'otlp'],
  ] as const) {
    test(`of OTEL_EXPORTER_OTLP_PROTOCOL="${value}" is that of ${expected}`, () => {
      assert.deepEqual(exportersOf({ OTEL_EXPORTER_OTLP_PROTOCOL: value }), ['prometheus', expected]);
    });
  }

  test('of the metrics wins over that of all signals', () => {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf' };
    assert.deepEqual(exportersOf(env), ['prometheus', 'otlphttp']);
  });

  test('that Floatie does not speak is told', () => {
    const warnings = (protocol: string) => warningsOf({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
    assert.deepEqual(warnings('http/json'), [
      'OTEL_EXPORTER_OTLP_PROTOCOL: asks for http/json, but "otlphttp" speaks http/protobuf',
    ]);
    assert.deepEqual(warnings('constructor'), [
      'OTEL_EXPORTER_OTLP_PROTOCOL: is ignored: it must be "grpc" or "http/protobuf"',
    ]);
    assert.deepEqual(warnings('http/protobuf'), []);
  });

  test('is what the configuration says, where it says so, and that is told', () => {
    const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
    const warning =
      'OTEL_EXPORTER_OTLP_PROTOCOL: asks for http/protobuf, but "otlp" speaks grpc; name "otlphttp" in service.pipelines.metrics.exporters';
    for (const yaml of [
      'service: { pipelines: { metrics: { exporters: [prometheus, otlp] } } }',
      'exporters: { otlp: { endpoint: "http://elsewhere:4317" } }',
      'exporters: { otlp: { interval_ms: 1000 } }',
    ]) {
      assert.deepEqual([exportersOf(env, yaml), warningsOf(env, yaml)], [['prometheus', 'otlp'], [warning]]);
    }
  });

  test('does not matter while nothing is sent', () => {
    const yaml = 'service: { pipelines: { metrics: { exporters: [otlp] } } }';
    assert.deepEqual(warningsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, yaml), []);
  });

  test('chooses with the file that is shipped, too', () => {
    const file = fileURLToPath(new URL('../../config/floatie.yaml', import.meta.url));
    const { config } = loadSources({ file, env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' } });
    assert.deepEqual(config.service.pipelines.metrics.exporters, ['prometheus', 'otlphttp']);
  });
});

suite('the endpoint', () => {
  const http = 'service: { pipelines: { metrics: { exporters: [otlphttp] } } }';

  for (const value of ['collector:4318', 'localhost:4318', '127.0.0.1:4318', 'ftp://a', 'http://', '//a', 'a b']) {
    test(`of OTLP over HTTP must have a scheme: ${value}`, () => {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: value };
      const must = 'it must begin with http:// or https://';
      assert.deepEqual(warningsOf(env, http), [
        `OTEL_EXPORTER_OTLP_ENDPOINT: is ignored, and "otlphttp" sends no metrics: ${must}`,
        `OTEL_EXPORTER_OTLP_ENDPOINT: is ignored, and "otlphttp" sends no logs: ${must}`,
      ]);
      assert.equal(endpointFrom(env, 'otlphttp', 'METRICS'), null);
    });
  }

  const grpc: [value: string, warning: RegExp, isTaken: boolean][] = [
    ['collector:4317', /^OTEL_EXPORTER_OTLP_ENDPOINT: has no scheme, so "otlp" uses TLS; /, true],
    ['[::1]:4317', /has no scheme/, true],
    ['http://collector:4317', /^$/, true],
    ['HTTPS://collector', /^$/, true],
    ['unix:///run/otel.sock', /^$/, true],
    ['ftp://collector', /is ignored, and "otlp" sends no metrics/, false],
    ['http://:4317', /is ignored/, false],
    ['a b', /is ignored/, false],
  ];
  for (const [value, warning, isTaken] of grpc) {
    test(`of OTLP over gRPC is ${isTaken ? 'taken' : 'ignored'}: ${value}`, () => {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: value };
      assert.match(warningsOf(env).join(), warning);
      assert.equal(endpointFrom(env, 'otlp', 'METRICS'), isTaken ? value : null);
    });
  }

  test('without a scheme is no surprise where OTEL_EXPORTER_OTLP_INSECURE says what is meant', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317', OTEL_EXPORTER_OTLP_INSECURE: 'true' };
    assert.deepEqual(warningsOf(env), []);
  });

  test('of the variables does not matter to an exporter that has one', () => {
    const yaml = 'exporters: { otlp: { endpoint: "http://a:4317" } }';
    assert.deepEqual(warningsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }, yaml), []);
  });

  test('of one signal is not that of the other', () => {
    const env = { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://logs:1' };
    assert.deepEqual(
      [endpointFrom(env, 'otlp', 'METRICS'), endpointFrom(env, 'otlp', 'LOGS')],
      [null, 'http://logs:1'],
    );
  });
});

suite('OTEL_SDK_DISABLED', () => {
  for (const value of ['true', 'TRUE', ' true ']) {
    test(`is on when it is "${value}"`, () => assert.ok(isSdkDisabled({ OTEL_SDK_DISABLED: value })));
  }
  for (const value of [undefined, '', '1', 'yes', 'false']) {
    test(`is off when it is ${value}`, () => assert.ok(!isSdkDisabled({ OTEL_SDK_DISABLED: value })));
  }
});

suite('variables that the configuration stands for are warnings where they ask for something else', () => {
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317' };
  const OTLP = 'exporters: { otlp: { endpoint: "http://collector:4317" } }';
  const PIPELINE = 'service.pipelines.metrics.exporters';
  const OFF = 'asks for otlp, which is off until OTEL_EXPORTER_OTLP_ENDPOINT or exporters.otlp.endpoint is set';

  const rows: [name: string, value: string, yaml: string, warning: string | null][] = [
    ['OTEL_METRICS_EXPORTER', 'none', '', `asks for none, but ${PIPELINE} names some`],
    ['OTEL_METRICS_EXPORTER', 'Console', '', `asks for console; name "debug" in ${PIPELINE}`],
    ['OTEL_METRICS_EXPORTER', 'console', 'service: { pipelines: { metrics: { exporters: [debug] } } }', null],
    ['OTEL_METRICS_EXPORTER', 'prometheus', '', null],
    ['OTEL_METRICS_EXPORTER', 'otlp', '', OFF],
    ['OTEL_METRICS_EXPORTER', 'otlp', OTLP, null],
    ['OTEL_METRICS_EXPORTER', 'otlp, prometheus', OTLP, null],
    ['OTEL_METRICS_EXPORTER', 'secret', '', 'is ignored: it must be "otlp", "prometheus", "console" or "none"'],
    ['OTEL_METRICS_EXPORTER', ' ', '', null],
    ['OTEL_LOGS_EXPORTER', 'none', '', null],
    ['OTEL_LOGS_EXPORTER', 'none', OTLP, 'asks for none, but records of OOM kills go by OTLP'],
    ['OTEL_LOGS_EXPORTER', 'otlp', '', OFF],
    ['OTEL_LOGS_EXPORTER', 'otlp', OTLP, null],
    ['OTEL_LOGS_EXPORTER', 'console', '', null],
    ['OTEL_LOGS_EXPORTER', 'secret', '', 'is ignored: it must be "otlp", "console" or "none"'],
    ['OTEL_EXPORTER_OTLP_LOGS_TIMEOUT', '1500', OTLP, 'is ignored: records of OOM kills are sent as metrics are'],
    ['OTEL_EXPORTER_OTLP_LOGS_TIMEOUT', '1500', '', null],
    ['OTEL_EXPORTER_OTLP_LOGS_COMPRESSION', 'gzip', OTLP, 'is ignored: records of OOM kills are sent as metrics are'],
    ['OTEL_EXPORTER_OTLP_LOGS_COMPRESSION', 'none', OTLP, null],
    ['OTEL_BLRP_MAX_QUEUE_SIZE', '10', OTLP, 'is ignored: Floatie bounds the records of OOM kills itself'],
    ['OTEL_BLRP_MAX_QUEUE_SIZE', '10', '', null],
    ['OTEL_EXPORTER_PROMETHEUS_PORT', '9464', '', 'is ignored: exporters.prometheus says where Floatie listens'],
    ['OTEL_EXPORTER_PROMETHEUS_PORT', '9090', '', null],
    ['OTEL_EXPORTER_PROMETHEUS_HOST', '0.0.0.0', '', 'is ignored: exporters.prometheus says where Floatie listens'],
    ['OTEL_EXPORTER_PROMETHEUS_HOST', 'localhost', '', null],
    ['OTEL_LOG_LEVEL', 'debug', '', 'is ignored: service.telemetry.log_level says what is logged'],
    ['OTEL_LOG_LEVEL', 'INFO', '', null],
    ['OTEL_LOG_LEVEL', 'verbose', 'service: { telemetry: { log_level: debug } }', null],
    [
      'OTEL_METRICS_EXEMPLAR_FILTER',
      'always_on',
      '',
      "is ignored: the exemplars of Floatie's metrics are slow operations",
    ],
    ['OTEL_METRICS_EXEMPLAR_FILTER', 'trace_based', '', null],
    ['OTEL_CONFIG_FILE', '/etc/otel.yaml', '', 'is ignored: Floatie reads --config, which has a form of its own'],
    ['OTEL_TRACES_EXPORTER', 'none', '', null],
    ['OTEL_PROPAGATORS', 'b3', '', null],
  ];
  for (const [name, value, yaml, warning] of rows) {
    const place = yaml === '' ? 'by the defaults' : `with ${yaml}`;
    test(`${name}="${value}" ${place}: ${warning ?? 'no warning'}`, () => {
      assert.deepEqual(warningsOf({ [name]: value }, yaml), warning === null ? [] : [`${name}: ${warning}`]);
      assert.deepEqual(load({ [name]: value }, yaml), load({}, yaml));
    });
  }

  test('and the endpoint of the variables is one', () => {
    assert.deepEqual(warningsOf({ ...ENDPOINT, OTEL_METRICS_EXPORTER: 'otlp', OTEL_LOGS_EXPORTER: 'otlp' }), []);
  });
});
