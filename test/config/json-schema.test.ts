// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references look like these
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { CONFIG_SCHEMA, configSchemaJson } from '../../scripts/config-schema.ts';
import { keys } from '../../src/config/keys.ts';
import { outcomeOf } from '../support/config-outcome.ts';
import { FILE, mutants } from '../support/random-config.ts';

const file = (name: string): string => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const shipped = readFileSync(CONFIG_SCHEMA, 'utf8');
const validate = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true }).compile(
  JSON.parse(shipped),
);

function problemsOf(yaml: string): string[] {
  validate(parse(yaml));
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    `${instancePath}: ${message} ${params.additionalProperty ?? ''}`.trimEnd(),
  );
}

suite('the JSON Schema of the configuration', () => {
  test('is that of the code (npm run docs writes it)', () => assert.equal(shipped, configSchemaJson()));

  for (const name of ['floatie.yaml', 'container.yaml']) {
    test(`fits config/${name}, which names it`, () => {
      assert.deepEqual(problemsOf(file(name)), []);
      assert.match(file(name), /^# yaml-language-server: \$schema=floatie\.schema\.json\n/);
    });
  }

  test('describes every key, with its default', () => {
    const root = JSON.parse(shipped);
    for (const key of keys) {
      const setting = key.split('.').reduce((node, part) => {
        const child = node.properties[part];
        return child.$ref === undefined ? child : root.definitions[child.$ref.split('/').at(-1)];
      }, root);
      assert.ok(setting.description.length > 0 && Object.hasOwn(setting, 'default'), key);
    }
  });

  const right: [string, string][] = [
    ['exporters with names', 'exporters: { otlp/eu: { endpoint: "http://a:1" }, debug/x: { verbosity: detailed } }'],
    ['processors with names', 'processors: { attributes/a: { actions: [{ key: op, action: delete }] } }'],
    ['keys with nothing behind them', 'kernel:\nexporters:\n  otlp:\n    interval_ms:\n'],
    ['variables for numbers', 'exporters: { prometheus: { port: "${env:PORT:-9090}" } }'],
    ['variables for one of several words', 'service: { telemetry: { log_level: "${env:LEVEL}" } }'],
    ['variables for lists and what is in them', 'containers: { include: "${env:A}", exclude: ["${env:B}"] }'],
    [
      'views',
      'views: [{ selector: { instrument_name: "*" }, stream: { aggregation: { drop: }, attribute_keys: { included: [] } } }]',
    ],
  ];
  for (const [name, yaml] of right) test(`takes ${name}`, () => assert.deepEqual(problemsOf(yaml), []));

  test('takes damaged files that Floatie takes', () => {
    const refused = [...mutants()].filter(({ yaml }, index) => {
      if (index % 10 > 0) return false;
      writeFileSync(FILE, yaml);
      return !Array.isArray(outcomeOf({ file: FILE, env: {}, set: [] })) && problemsOf(yaml).length > 0;
    });
    assert.deepEqual(
      refused.map(({ name }) => name),
      [],
    );
  });

  const wrong: [string, string, string][] = [
    [
      'a mistyped key',
      'kernel: { max_map_entires: 5 }',
      '/kernel: must NOT have additional properties max_map_entires',
    ],
    ['a mistyped section', 'exporter: {}', ': must NOT have additional properties exporter'],
    [
      'a mistyped key of an exporter with a name',
      'exporters: { otlp/eu: { endpiont: x } }',
      '/exporters/otlp~1eu: must NOT have additional properties endpiont',
    ],
    [
      'a type that does not exist',
      'exporters: { zipkin: {} }',
      '/exporters: must NOT have additional properties zipkin',
    ],
    [
      'a number that is too large',
      'exporters: { prometheus: { port: 65536 } }',
      '/exporters/prometheus/port: must be <= 65535',
    ],
    [
      'a word that is none of those',
      'receivers: { overlayfs: { attach: magic } }',
      '/receivers/overlayfs/attach: must be equal to one of the allowed values',
    ],
    ['a text for a number', 'exporters: { prometheus: { port: http } }', '/exporters/prometheus/port: must be integer'],
    [
      'a mistyped key of a view',
      'views: [{ selector: { instrument_name: "*" }, straem: {} }]',
      '/views/0: must NOT have additional properties straem',
    ],
    [
      'an action without a key',
      'processors: { attributes: { actions: [{ action: delete }] } }',
      "/processors/attributes/actions/0: must have required property 'key'",
    ],
  ];
  for (const [name, yaml, problem] of wrong) {
    test(`refuses ${name}`, () => {
      const problems = problemsOf(yaml);
      assert.ok(problems.includes(problem), problems.join('\n'));
    });
  }
});
