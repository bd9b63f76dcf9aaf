import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { ConfigError, loadConfig, type Sources } from '../../src/config/load.ts';
import { attributeActions, cgroupPatterns, pidNamespaceOf } from '../../src/config/processors.ts';
import type { Config } from '../../src/config/schema.ts';
import { cgroupFilter } from '../../src/containers/filter.ts';

const folder = mkdtempSync(join(tmpdir(), 'floatie-processors-'));
after(() => rmSync(folder, { recursive: true }));
const FILE = join(folder, 'floatie.yaml');

function load(yaml: string, sources: Partial<Sources> = {}): Config {
  writeFileSync(FILE, yaml);
  return loadConfig({ file: FILE, env: {}, set: [], ...sources });
}

function problemsOf(yaml: string): string[] {
  try {
    load(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replaceAll(FILE, 'FILE'));
    throw error;
  }
  return [];
}

const PIPELINE = 'service.pipelines.metrics.processors';
const pipeline = (...names: string[]) => `service: { pipelines: { metrics: { processors: [${names.join(', ')}] } } }`;
const actions = (text: string) => `processors: { attributes: { actions: ${text} } }\n${pipeline('attributes')}`;

suite('the processors of the pipeline', () => {
  const yaml = `
processors:
  attributes: { actions: [{ key: cgroup, action: delete }] }
  attributes/team: { actions: [{ key: team, action: insert, value: storage }] }
  attributes/unused: { actions: [{ key: op, action: delete }] }
  filter/pods: { cgroups: { include: [/kubepods*] }, pid_ns_inum: 7 }
  filter/quiet: { cgroups: { exclude: ["*/quiet"] } }
containers: { exclude: [/system.slice/*] }
`;

  test('act in its order', () => {
    const keysOf = (config: Config) => attributeActions(config).map(({ key }) => key);
    assert.deepEqual(keysOf(load(yaml + pipeline('attributes', 'attributes/team'))), ['cgroup', 'team']);
    assert.deepEqual(keysOf(load(yaml + pipeline('attributes/team', 'attributes'))), ['team', 'cgroup']);
    assert.deepEqual(keysOf(load(yaml)), []);
  });

  test('let those cgroups pass that all filters do, and the containers’ own', () => {
    const filter = cgroupFilter(...cgroupPatterns(load(yaml + pipeline('filter/pods', 'filter/quiet'))));
    const paths = ['/kubepods/a', '/kubepods/quiet', '/system.slice/a', '/other'];
    assert.deepEqual(paths.map(filter), [true, false, false, false]);
  });

  test('say which PID namespace is measured', () => {
    assert.equal(pidNamespaceOf(load(yaml)), 0);
    assert.equal(pidNamespaceOf(load(yaml + pipeline('filter/pods'))), 7);
    assert.equal(pidNamespaceOf(load(`${yaml}kernel: { pid_ns_inum: 7 }\n${pipeline('filter/pods')}`)), 7);
    assert.equal(pidNamespaceOf(load(yaml, { set: ['kernel.pid_ns_inum=self'] })), 'self');
  });

  test('can be set by variables and flags', () => {
    const env = {
      FLOATIE_PROCESSORS_FILTER_PID_NS_INUM: 'self',
      FLOATIE_SERVICE_PIPELINES_METRICS_PROCESSORS: 'filter',
    };
    assert.equal(pidNamespaceOf(load('', { env })), 'self');
    const set = ['processors.attributes/x.actions=[{key: a, action: insert, value: b}]', `${PIPELINE}=attributes/x`];
    assert.deepEqual(attributeActions(load('', { set })), [{ key: 'a', action: 'insert', value: 'b' }]);
  });

  test('take numbers of variables as the texts that values are', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own reference looks like this
    const config = load(actions('[{ key: rack, action: insert, value: "${env:RACK}" }]'), { env: { RACK: '7' } });
    assert.deepEqual(attributeActions(config), [{ key: 'rack', action: 'insert', value: '7' }]);
  });
});

suite('processors that cannot be used are a problem', () => {
  const rows: [string, string, string[]][] = [
    [
      'one that is not defined',
      pipeline('attributes/a'),
      [`${PIPELINE}: "attributes/a" is not defined; define it below "processors" (from FILE:1)`],
    ],
    [
      'one that is misspelt',
      `processors: { filter/pods: { pid_ns_inum: 1 } }\n${pipeline('filter/pdos')}`,
      [`${PIPELINE}: "filter/pdos" is not defined; did you mean "filter/pods"? (from FILE:2)`],
    ],
    [
      'a type that does not exist',
      pipeline('whatever'),
      [
        `${PIPELINE}: must be a list of "attributes" or "filter", each with a name if wanted, such as "attributes/short", not ["whatever"] (from FILE:1)`,
      ],
    ],
    ['a section that does not exist', 'processors: { whatever: {} }', ['FILE:1: processors.whatever: unknown key']],
    [
      'one that is named twice',
      `processors: { filter: { pid_ns_inum: 1 } }\n${pipeline('filter', 'filter')}`,
      [`${PIPELINE}: must name each only once, not ["filter","filter"] (from FILE:2)`],
    ],
    [
      'no actions',
      pipeline('attributes'),
      [`processors.attributes.actions: must not be empty, since ${PIPELINE} names it`],
    ],
    ['no filter', pipeline('filter'), [`${PIPELINE}: "filter" has nothing to filter by (from FILE:1)`]],
    [
      'an action that is none',
      actions('\n  [\n    { key: a, action: hash }] '),
      ['processors.attributes.actions[0].action: must be "insert", "update", "upsert" or "delete" (from FILE:3)'],
    ],
    [
      'an action without a key',
      actions('[{ action: delete }]'),
      ['processors.attributes.actions[0].key: is missing (from FILE:1)'],
    ],
    [
      'an unknown key of an action',
      actions('[{ key: a, action: delete, pattern: x }]'),
      [
        'processors.attributes.actions[0].pattern: unknown key; known here: key, action, value, from_attribute (from FILE:1)',
      ],
    ],
    [
      'a value to delete',
      actions('[{ key: a, action: delete, value: x }]'),
      ['processors.attributes.actions[0].value: "delete" takes none (from FILE:1)'],
    ],
    [
      'nothing to insert',
      actions('[{ key: a, action: insert }]'),
      ['processors.attributes.actions[0]: "insert" needs either a value or a from_attribute (from FILE:1)'],
    ],
    [
      'two things to insert',
      actions('[{ key: a, action: upsert, value: x, from_attribute: b }]'),
      ['processors.attributes.actions[0]: "upsert" needs either a value or a from_attribute (from FILE:1)'],
    ],
    [
      'a number for a text',
      actions('[{ key: a, action: insert, value: 1 }]'),
      ['processors.attributes.actions[0].value: must be a text (from FILE:1)'],
    ],
    [
      'a name that Prometheus does not know',
      actions('[{ key: 1a, action: insert, value: x }]'),
      [
        'processors.attributes.actions[0].key: must be the name of an attribute: letters, digits, dots, underscores and hyphens, beginning with a letter (from FILE:1)',
      ],
    ],
    [
      'the mark of the rest',
      actions('[{ key: otel.metric.overflow, action: delete }]'),
      ['processors.attributes.actions[0].key: marks what did not fit, which no processor changes (from FILE:1)'],
    ],
    [
      'two PID namespaces',
      `kernel: { pid_ns_inum: self }\nprocessors: { filter/a: { pid_ns_inum: 7 } }\n${pipeline('filter/a')}`,
      ['processors.filter/a.pid_ns_inum: 7 contradicts kernel.pid_ns_inum, which is self (from FILE:2)'],
    ],
    [
      'filters that share no cgroup',
      `containers: { include: [/kubepods*] }\nprocessors: { filter: { cgroups: { include: [/system.slice/*] } } }\n${pipeline('filter')}`,
      ['processors.filter.cgroups.include: has no cgroup in common with containers.include (from FILE:2)'],
    ],
    [
      'a filter whose cgroups are all excluded',
      `containers: { exclude: [/system*] }\nprocessors: { filter: { cgroups: { include: [/system.slice/*] } } }\n${pipeline('filter')}`,
      ['processors.filter.cgroups.include: has only cgroups that are excluded (from FILE:2)'],
    ],
  ];
  for (const [name, yaml, expected] of rows) test(name, () => assert.deepEqual(problemsOf(yaml), expected));

  for (const key of ['container_id', 'container-id']) {
    test(`two attributes that would be one label: ${key}`, () => {
      const problems = problemsOf(actions(`[{ key: ${key}, action: insert, from_attribute: container.id }]`));
      assert.ok(problems.length > 0);
      for (const problem of problems) {
        assert.match(
          problem,
          /^service\.pipelines\.metrics\.processors: two attributes of \w+ would be the label "container_id"; delete one/,
        );
      }
    });
  }

  for (const name of ['le', 'quantile', 'otel.metric.overflow', 'otel_metric_overflow', 'otel.metric-overflow']) {
    test(`a label that has its meaning in Prometheus: ${name}`, () => {
      const problems = problemsOf(actions(`[{ key: ${name}, action: insert, value: x }]`));
      assert.deepEqual(
        problems.map((problem) => problem.split(':')[0]),
        ['processors.attributes.actions[0].key'],
      );
    });
  }
});

suite('no problem is', () => {
  const rows: [string, string][] = [
    ['a processor that the pipeline does not name, whatever it says', 'processors: { filter/a: {}, attributes/b: {} }'],
    [
      'an attribute that takes the name of one that is deleted',
      actions(
        '[{ key: container_id, action: insert, from_attribute: container.id }, { key: container.id, action: delete }]',
      ),
    ],
    [
      'the same PID namespace twice',
      `kernel: { pid_ns_inum: 7 }\nprocessors: { filter: { pid_ns_inum: 7 } }\n${pipeline('filter')}`,
    ],
    [
      'filters that share some cgroups',
      `containers: { include: [/kubepods*, /a] }\nprocessors: { filter: { cgroups: { include: ["*/burstable/*"], exclude: [/a] } } }\n${pipeline('filter')}`,
    ],
  ];
  for (const [name, yaml] of rows) test(name, () => assert.deepEqual(problemsOf(yaml), []));
});
