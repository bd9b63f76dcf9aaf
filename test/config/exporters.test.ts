// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references look like these
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { exportersOf } from '../../src/config/exporters.ts';
import { ConfigError, loadConfig, type Sources } from '../../src/config/load.ts';
import { redact } from '../../src/config/redact.ts';
import type { Config } from '../../src/config/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'floatie-exporters-'));
after(() => rmSync(folder, { recursive: true }));
const FILE = join(folder, 'floatie.yaml');

function load(yaml: string, sources: Partial<Sources> = {}): Config {
  writeFileSync(FILE, yaml);
  return loadConfig({ file: FILE, env: {}, set: [], ...sources });
}

function problemsOf(...args: Parameters<typeof load>): string[] {
  try {
    load(...args);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replaceAll(FILE, 'FILE'));
    throw error;
  }
  throw new Error('This configuration has no problem');
}

const PIPELINE = 'service.pipelines.metrics.exporters';
const pipeline = (...names: string[]) => `service: { pipelines: { metrics: { exporters: [${names.join(', ')}] } } }`;

suite('an exporter with a name', () => {
  const yaml = `
exporters:
  otlp: { endpoint: "http://a:4317", interval_ms: 500 }
  otlp/eu: { endpoint: "http://b:4317" }
  otlphttp/backend: { endpoint: "http://c:4318", headers: { authorization: Bearer x } }
  prometheus/second: { port: 9091 }
  debug/all: { verbosity: detailed }
${pipeline('prometheus', 'otlp', 'otlp/eu', 'otlphttp/backend', 'prometheus/second', 'debug/all')}
`;

  test('has the keys of its type, and their defaults', () => {
    const config = load(yaml);
    const shown = (['prometheus', 'otlp', 'otlphttp', 'debug'] as const).flatMap((type) =>
      exportersOf(config, type).map(({ name, settings }) => [name, settings]),
    );
    const { otlp, otlphttp, prometheus } = load('').exporters;
    assert.deepEqual(Object.fromEntries(shown), {
      prometheus,
      'prometheus/second': { ...prometheus, port: 9091 },
      otlp: { ...otlp, endpoint: 'http://a:4317', interval_ms: 500 },
      'otlp/eu': { ...otlp, endpoint: 'http://b:4317' },
      'otlphttp/backend': { ...otlphttp, endpoint: 'http://c:4318', headers: { authorization: 'Bearer x' } },
      'debug/all': { verbosity: 'detailed', interval_ms: 60_000 },
    });
  });

  test('can be set by --set, even all of it', () => {
    const set = ['exporters.otlp/eu.endpoint=http://d:4317', `${PIPELINE}=otlp/eu`];
    for (const text of [yaml, '']) {
      const [exporter, ...others] = exportersOf(load(text, { set }), 'otlp');
      assert.deepEqual([exporter?.name, exporter?.settings.endpoint, others], ['otlp/eu', 'http://d:4317', []]);
    }
  });

  test('may have nothing behind it', () => {
    const config = load(`exporters: { prometheus/second: }\n${pipeline('prometheus/second')}`);
    assert.equal(exportersOf(config, 'prometheus')[0]?.settings.port, 9090);
  });

  test("takes OpenTelemetry's variables, where it says nothing itself", () => {
    const config = load(yaml, { env: { OTEL_METRIC_EXPORT_INTERVAL: '1234' } });
    const intervals = exportersOf(config, 'otlp').map(({ settings }) => settings.interval_ms);
    assert.deepEqual(intervals, [500, 1234]);
  });

  test('that is in no pipeline is not used', () => {
    assert.deepEqual(exportersOf(load(`exporters: { otlp/eu: { endpoint: "http://b:1" } }`), 'otlp').length, 1);
  });

  const rows: [string, string, string][] = [
    [
      'is not defined',
      pipeline('prometheus', 'otlp/eu'),
      `${PIPELINE}: "otlp/eu" is not defined; define it below "exporters" (from FILE:1)`,
    ],
    [
      'is misspelt',
      `exporters: { otlp/europe: { endpoint: "http://b:1" } }\n${pipeline('otlp/euorpe')}`,
      `${PIPELINE}: "otlp/euorpe" is not defined; did you mean "otlp/europe"? (from FILE:2)`,
    ],
    [
      'has nowhere to send to',
      `exporters: { otlphttp/eu: { interval_ms: 500 } }\n${pipeline('otlphttp/eu')}`,
      `exporters.otlphttp/eu.endpoint: must not be empty, since ${PIPELINE} names it`,
    ],
    [
      'has a key that its type has not',
      'exporters: { otlp/eu: { endpiont: "http://b:1" } }',
      'FILE:1: exporters.otlp/eu.endpiont: unknown key; did you mean "exporters.otlp/eu.endpoint"?',
    ],
    [
      'has a value that its type does not take',
      'exporters:\n  prometheus/b:\n    port: http',
      'exporters.prometheus/b.port: must be a whole number from 0 to 65535, not "http" (from FILE:3)',
    ],
    ['is no mapping', 'exporters: { otlp/eu: 5 }', 'FILE:1: exporters.otlp/eu: must be a section, not 5'],
    [
      'has a type that does not exist',
      'exporters: { zipkin/eu: { a: 1 } }',
      'FILE:1: exporters.zipkin/eu: unknown key',
    ],
    ['has an empty name', 'exporters: { otlp/: {} }', 'FILE:1: exporters.otlp/: unknown key'],
    ['has a name with spaces', 'exporters: { "otlp/a b": {} }', 'FILE:1: exporters.…: unknown key'],
  ];
  for (const [name, text, expected] of rows) {
    test(`is a problem when it ${name}`, () => assert.deepEqual(problemsOf(text), [expected]));
  }

  test('of a type that does not exist is none in the pipeline either', () => {
    assert.match(
      problemsOf(pipeline('zipkin'))[0] ?? '',
      /^service\.pipelines\.metrics\.exporters: must be a list of "prometheus", "otlp", "otlphttp" or "debug", /,
    );
  });

  for (const name of ['__proto__', 'constructor']) {
    test(`called ${name} is like any other`, () => {
      const text = `exporters: { otlp/${name}: { endpoint: "http://b:1" } }\n${pipeline(`otlp/${name}`)}`;
      assert.deepEqual(
        exportersOf(load(text), 'otlp').map(({ settings }) => settings.endpoint),
        ['http://b:1'],
      );
    });
  }
});

suite('headers', () => {
  test('with numbers from the environment are texts', () => {
    const config = load('exporters: { otlp: { headers: { x-tenant: "${env:TENANT}" } } }', { env: { TENANT: '7' } });
    assert.deepEqual(config.exporters.otlp.headers, { 'x-tenant': '7' });
  });

  for (const headers of ['{ "a b": c }', '{ a: "b\\nc" }', '{ a-bin: x }', '{ a: [1] }', '[a]', 'secret']) {
    test(`are refused, and never shown, when they are ${headers}`, () => {
      assert.deepEqual(problemsOf(`exporters: { otlp: { headers: ${headers} } }`), [
        'exporters.otlp.headers: must be a mapping of names of headers to texts of printable ASCII (from FILE:1)',
      ]);
    });
  }
});

suite('a header that YAML reads as no text', () => {
  const rows: [headers: string, key: string][] = [
    ['{ X-Scope-OrgID: 1 }', 'X-Scope-OrgID'],
    ['{ x-on: true }', 'x-on'],
    ['{ "%&": 1 }', '…'],
  ];
  for (const [headers, key] of rows) {
    test(`is named, without its value: ${headers}`, () => {
      assert.deepEqual(problemsOf(`exporters: { otlp: { headers: ${headers} } }`), [
        `exporters.otlp.headers.${key}: must be a text: write the value in quotes (from FILE:1)`,
      ]);
    });
  }
});

suite('a configuration that is shown', () => {
  const secrets = ['Bearer abc', 'hunter2'];
  const yaml = `
exporters:
  otlp: { headers: { authorization: "Bearer abc" } }
  otlphttp/eu: { endpoint: "https://me:hunter2@eu:4318/a", headers: { x-token: "Bearer abc" } }
`;

  test('has the names of its headers, and neither their texts nor the passwords of URLs', () => {
    const shown = redact(load(yaml)) as { exporters: Record<string, { endpoint: string; headers: unknown }> };
    assert.deepEqual(shown.exporters.otlp?.headers, { authorization: '[redacted]' });
    assert.deepEqual(shown.exporters['otlphttp/eu']?.headers, { 'x-token': '[redacted]' });
    assert.equal(shown.exporters['otlphttp/eu']?.endpoint, 'https://me:[redacted]@eu:4318/a');
    assert.ok(secrets.every((secret) => !JSON.stringify(shown).includes(secret)));
  });

  test('is its settings where it has no secrets', () => {
    const { inherited: _, ...settings } = load('');
    assert.deepEqual(redact(load('')), settings);
  });

  test('has its passwords left out of problems', () => {
    assert.match(
      problemsOf('exporters: { otlp: { endpoint: "ftp://me:hunter2@eu" } }')[0] ?? '',
      /not "ftp:\/\/me:\[redacted\]@eu"/,
    );
  });
});
