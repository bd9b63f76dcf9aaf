// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references look like these
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { isSdkDisabled } from '../../src/config/environment.ts';
import { ConfigError, loadConfig, type Sources } from '../../src/config/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'floatie-environment-'));
after(() => rmSync(folder, { recursive: true }));
const FILE = join(folder, 'floatie.yaml');

function load(env: Sources['env'], yaml = '', set: string[] = []) {
  writeFileSync(FILE, yaml);
  return loadConfig({ file: FILE, env, set });
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

  test('that make no sense are problems with their names', () => {
    assert.throws(() => load({ OTEL_METRIC_EXPORT_INTERVAL: '1 s', OTEL_RESOURCE_ATTRIBUTES: 'a' }), {
      name: 'ConfigError',
      message:
        'OTEL_RESOURCE_ATTRIBUTES: must look like key=value,key=value, not a\n' +
        'exporters.otlp.interval_ms: must be a whole number from 100 to 3600000, not "1 s" (from OTEL_METRIC_EXPORT_INTERVAL)',
    });
  });

  test('that make no sense do not matter where something else wins over them', () => {
    assert.equal(
      load({ OTEL_METRIC_EXPORT_INTERVAL: '1 s' }, '', ['exporters.otlp.interval_ms=100']).exporters.otlp.interval_ms,
      100,
    );
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

  for (const list of ['=x', 'a', 'a=%E0%A4%A']) {
    test(`that cannot be read are a problem: ${list}`, () => {
      assert.throws(
        () => resourceOf({ OTEL_RESOURCE_ATTRIBUTES: list }),
        (error) => error instanceof ConfigError && error.message.startsWith('OTEL_RESOURCE_ATTRIBUTES: '),
      );
    });
  }
});

suite('OTEL_SDK_DISABLED', () => {
  for (const value of ['true', 'TRUE', ' true ']) {
    test(`is on when it is "${value}"`, () => assert.ok(isSdkDisabled({ OTEL_SDK_DISABLED: value })));
  }
  for (const value of [undefined, '', '1', 'yes', 'false']) {
    test(`is off when it is ${value}`, () => assert.ok(!isSdkDisabled({ OTEL_SDK_DISABLED: value })));
  }
});
