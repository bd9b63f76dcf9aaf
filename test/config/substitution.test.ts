// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references look like these
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { ConfigError, loadConfig, load as loadSources } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { substitute } from '../../src/config/substitution.ts';

const folder = mkdtempSync(join(tmpdir(), 'floatie-substitution-'));
after(() => rmSync(folder, { recursive: true }));
const FILE = join(folder, 'floatie.yaml');

function load(yaml: string, env: Record<string, string> = {}): Config {
  writeFileSync(FILE, yaml);
  return loadConfig({ file: FILE, env, set: [] });
}

function problemsOf(yaml: string, env: Record<string, string> = {}): string[] {
  try {
    load(yaml, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replaceAll(FILE, 'FILE'));
    throw error;
  }
  throw new Error('This configuration has no problem');
}

suite('a text with variables', () => {
  const env = { NAME: 'value', EMPTY: '', DOLLAR: '${env:NAME}' };
  const rows: [string, string, string][] = [
    ['has none', 'plain', 'plain'],
    ['is one', '${env:NAME}', 'value'],
    ['has one in the middle', 'a${env:NAME}b', 'avalueb'],
    ['has two', '${env:NAME}${env:NAME}', 'valuevalue'],
    ['names one without its kind', '${NAME}', 'value'],
    ['names one that is not set', 'a${env:OTHER}b', 'ab'],
    ['has a default that is not needed', '${env:NAME:-other}', 'value'],
    ['has a default that is needed', '${env:OTHER:-other}', 'other'],
    ['has a default for one that is empty, which is set', '${env:EMPTY:-other}', ''],
    ['has an empty default', '${env:OTHER:-}', ''],
    ['has a default with colons and dashes', '${env:OTHER:-http://a:-1}', 'http://a:-1'],
    ['has a dollar', 'a$$b', 'a$b'],
    ['has a dollar before what would be a variable', '$${env:NAME}', '${env:NAME}'],
    ['has two dollars', '$$$$', '$$'],
    ['has a dollar and a variable', '$$${env:NAME}', '$value'],
    ['has a dollar that stands alone', 'a$b $', 'a$b $'],
    ['has no end', '${env:NAME', '${env:NAME'],
    ['has a variable that looks like one, which is left as it is', '${env:DOLLAR}', '${env:NAME}'],
  ];
  for (const [name, text, expected] of rows) test(name, () => assert.equal(substitute(text, env), expected));

  for (const text of [
    '${}',
    '${env:}',
    '${env:1A}',
    '${env:A B}',
    '${file:/etc/passwd}',
    '${env:A:+b}',
    '${env:A:-${B}}',
  ]) {
    test(`is refused where it has ${text}`, () => {
      assert.throws(() => substitute(text, env), /^Error: must look like \$\{env:NAME\} or /);
    });
  }
});

suite('a variable in a file', () => {
  const port = 'exporters: { prometheus: { port: "${env:PORT}" } }';

  test('is a number for a number, quoted or not', () => {
    assert.equal(load(port, { PORT: '1234' }).exporters.prometheus.port, 1234);
    assert.equal(
      load('exporters:\n  prometheus:\n    port: ${env:PORT}', { PORT: '1234' }).exporters.prometheus.port,
      1234,
    );
  });

  test('is a number together with other digits', () => {
    assert.equal(load('kernel:\n  max_map_entries: 1${env:X}', { X: '23' }).kernel.max_map_entries, 123);
  });

  test('leaves the default when it is not set', () => assert.equal(load(port).exporters.prometheus.port, 9090));

  test('is a list for a list', () => {
    const yaml = 'receivers:\n  overlayfs:\n    bounds_us: ${env:BOUNDS:-[1, 2]}';
    assert.deepEqual(load(yaml).receivers.overlayfs.bounds_us, [1, 2]);
    assert.deepEqual(load(yaml, { BOUNDS: '[3]' }).receivers.overlayfs.bounds_us, [3]);
  });

  test('is a number in a list', () => {
    const yaml = 'receivers: { overlayfs: { bounds_us: [1, "${env:BOUND}"] } }';
    assert.deepEqual(load(yaml, { BOUND: '2.5' }).receivers.overlayfs.bounds_us, [1, 2.5]);
  });

  test('is a text for a text, whatever it looks like', () => {
    const yaml = 'service: { telemetry: { resource: { build: "${env:BUILD}" } } }';
    for (const BUILD of ['1.10', 'true', 'null', '', '[a', 'a #b', '{a: b}', '*a', '${env:BUILD}']) {
      assert.deepEqual(load(yaml, { BUILD }).service.telemetry.resource, { build: BUILD });
    }
  });

  test('may be a whole section', () => {
    const EXPORTERS = '{ prometheus: { port: 1 } }';
    assert.equal(load('exporters: "${env:EXPORTERS}"', { EXPORTERS }).exporters.prometheus.port, 1);
  });

  test('is a number in a view, and a text beside it', () => {
    const stream = '{ description: "${env:TEXT}", aggregation_cardinality_limit: "${env:LIMIT}" }';
    const [view] = load(`views: [{ selector: { instrument_name: "*" }, stream: ${stream} }]`, {
      TEXT: 'Some',
      LIMIT: '5',
    }).views;
    assert.deepEqual(view?.stream, { description: 'Some', aggregation_cardinality_limit: 5 });
  });

  test('cannot make keys that JavaScript has of its own', () => {
    assert.deepEqual(problemsOf('kernel: "${env:KERNEL}"', { KERNEL: '{ __proto__: { polluted: 1 } }' }), [
      'FILE:1: kernel.…: unknown key',
    ]);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  test('is never looked for in a key', () => {
    assert.deepEqual(problemsOf('"${env:KEY}": 1\nviews:', { KEY: 'kernel' }), ['FILE:1: …: unknown key']);
  });

  test('that does not fit is a problem of its key and line', () => {
    assert.deepEqual(problemsOf(`\n${port}`, { PORT: 'http' }), [
      'exporters.prometheus.port: must be a whole number from 0 to 65535 (from FILE:2)',
    ]);
  });

  const places: [name: string, yaml: string][] = [
    ['a number', 'exporters: { prometheus: { port: "${env:SECRET}" } }'],
    ['a part of a text', 'exporters: { prometheus: { host: "a ${env:SECRET}" } }'],
    ['a word', 'service: { telemetry: { log_level: "${env:SECRET}" } }'],
    ['a list', 'receivers: { overlayfs: { bounds_us: ["${env:SECRET}"] } }'],
    ['a section', 'exporters: "${env:SECRET}"'],
    ['a view', 'views: [{ selector: { instrument_name: "${env:SECRET}" }, stream: { name: "${env:SECRET}" } }]'],
    ['an action', 'processors: { attributes: { actions: [{ key: a, action: "${env:SECRET}" }] } }'],
    ['the pipeline', 'service: { pipelines: { metrics: { exporters: ["otlp/${env:NAME}"] } } }'],
    ['a header', 'exporters: { otlp: { headers: { a: "${env:SECRET}é" } } }'],
  ];
  const secrets = { SECRET: 'hunter2', NAME: 'hunter2' };
  for (const [name, yaml] of places) {
    test(`shows in no problem what it holds: for ${name}`, () => {
      assert.doesNotMatch(problemsOf(yaml, secrets).join('\n'), /hunter2/);
    });
  }

  for (const SECRET of ['{ hunter2: 1 }', '{ prometheus: { hunter2: 1 } }', '[hunter2]', '{ prometheus: hunter2 }']) {
    test(`shows in no problem what is inside what it holds: ${SECRET}`, () => {
      assert.doesNotMatch(problemsOf('exporters: "${env:SECRET}"', { SECRET }).join('\n'), /hunter2/);
    });
  }

  test('of Floatie itself is not shown either', () => {
    assert.throws(
      () => loadConfig({ env: { FLOATIE_EXPORTERS_PROMETHEUS_PORT: 'hunter2' } }),
      (error) => error instanceof ConfigError && !error.message.includes('hunter2'),
    );
  });

  test('that cannot be understood is one, together with all others', () => {
    const yaml =
      'kernel:\n  cgroup: ${file:/a}\nexporters:\n  prometheus:\n    port: no\n    host: ${env:}\n    nonsense: 1';
    const form = 'must look like ${env:NAME} or ${env:NAME:-default}';
    assert.deepEqual(
      problemsOf(yaml).map((problem) => problem.replace(/; did you mean.*/, '')),
      [
        `FILE:2: kernel.cgroup: ${form}, not \${file:/a}; write $$ for a dollar`,
        `FILE:6: exporters.prometheus.host: ${form}, not \${env:}; write $$ for a dollar`,
        'FILE:7: exporters.prometheus.nonsense: unknown key',
        'kernel.cgroup: must be empty (all), or a path below the root of the hierarchy, such as "/system.slice", not "${file:/a}" (from FILE:2)',
        'exporters.prometheus.port: must be a whole number from 0 to 65535, not "no" (from FILE:5)',
        'exporters.prometheus.host: must be an address or a host name, such as "127.0.0.1", "::1" or "0.0.0.0", not "${env:}" (from FILE:6)',
      ],
    );
  });
});

suite('a variable that is not set', () => {
  const warningsOf = (yaml: string, env: Record<string, string> = {}) => {
    writeFileSync(FILE, yaml);
    return loadSources({ file: FILE, env, set: [] }).warnings.map((warning) => warning.replaceAll(FILE, 'FILE'));
  };
  const endpoint = (reference: string) => `\nexporters:\n  otlp:\n    endpoint: ${reference}\n`;

  test('is a warning with its key and line', () => {
    assert.deepEqual(warningsOf(endpoint('${env:COLLECTR_URL}'), { COLLECTOR_URL: 'http://a:4317' }), [
      'FILE:4: exporters.otlp.endpoint: the variable COLLECTR_URL is not set and counts as nothing; write ${env:COLLECTR_URL:-} where that is meant; did you mean "COLLECTOR_URL"?',
    ]);
  });

  test('is a warning for each of them, also in the middle of a text and in a list', () => {
    const yaml = 'containers: { include: ["/a${X}${env:Y}", "/b${env:Z}"] }';
    assert.deepEqual(
      warningsOf(yaml).map((warning) => /^FILE:1: containers\.include: the variable (\w)/.exec(warning)?.[1]),
      ['X', 'Y', 'Z'],
    );
  });

  for (const [name, reference] of [
    ['has a default', '${env:NO:-http://a:1}'],
    ['has an empty default', '${env:NO:-}'],
    ['is set to nothing', '${env:EMPTY}'],
    ['is a dollar', '$${env:NO}'],
  ] as const) {
    test(`is none where it ${name}`, () => {
      assert.deepEqual(warningsOf(`service: { telemetry: { resource: { a: "${reference}" } } }`, { EMPTY: '' }), []);
    });
  }
});

suite('a problem says the line', () => {
  test('of a view in a list', () => {
    const yaml =
      'views:\n  - selector: { instrument_name: "*" }\n    stream: {}\n  - selector:\n      instrument_name: "*"\n    stream:\n      nmae: x';
    assert.match(problemsOf(yaml)[0] ?? '', /^views\[1\]\.stream\.nmae: unknown key; .* \(from FILE:7\)$/);
  });

  test('of a key behind an alias', () => {
    assert.deepEqual(
      problemsOf('exporters:\n  prometheus: &a\n    port: 1\n  otlp: *a').map((problem) => problem.split(' ')[0]),
      ['FILE:3:'],
    );
  });
});
