import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { stringify } from 'yaml';
import { envName, keys } from '../../src/config/keys.ts';
import { ConfigError, type Loaded, loadConfig, load as loadSources, type Sources } from '../../src/config/load.ts';
import { nearest } from '../../src/config/nearest.ts';
import { redact } from '../../src/config/redact.ts';
import type { Config } from '../../src/config/schema.ts';
import { receiverNames } from '../../src/receivers/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'floatie-config-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;

function fileWith(text: string): string {
  const file = join(folder, `${++count}.yaml`);
  writeFileSync(file, text);
  return file;
}

function load(sources: Parameters<typeof withWarnings>[0] = {}): Config {
  return withWarnings(sources).config;
}

function withWarnings({ yaml, ...sources }: Partial<Sources> & { yaml?: string } = {}): Loaded {
  return loadSources({ file: yaml === undefined ? undefined : fileWith(yaml), env: {}, set: [], ...sources });
}

/** The problems, without the name of the temporary file. Throws when there are none. */
function problemsOf(sources: Parameters<typeof load>[0]): string[] {
  try {
    load(sources);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => problem.replace(/\/\S+\/\d+\.yaml/g, 'FILE'));
  }
  throw new Error('This configuration has no problem');
}

const defaults = load();
const RECEIVER_LIST = receiverNames.map((name) => JSON.stringify(name)).join(', ');

suite('without any source', () => {
  test('Floatie listens on this machine only', () => {
    assert.deepEqual([defaults.exporters.prometheus.host, defaults.exporters.prometheus.port], ['127.0.0.1', 9090]);
  });

  test('the buckets double from 1 µs to 2^19 µs', () => {
    assert.deepEqual(
      defaults.receivers.overlayfs.bounds_us,
      Array.from({ length: 20 }, (_, power) => 2 ** power),
    );
  });

  test('the environment is the process’ own', () => {
    process.env.FLOATIE_KERNEL_MAX_MAP_ENTRIES = '7';
    try {
      assert.equal(loadConfig().kernel.max_map_entries, 7);
    } finally {
      delete process.env.FLOATIE_KERNEL_MAX_MAP_ENTRIES;
    }
  });

  test('every caller gets a configuration of its own', () => {
    load().receivers.overlayfs.bounds_us.push(1e9);
    assert.deepEqual(load(), defaults);
  });
});

suite('a later source wins', () => {
  const yaml = 'exporters: { prometheus: { port: 1001 } }';
  const env = { FLOATIE_EXPORTERS_PROMETHEUS_PORT: '1002' };
  const set = ['exporters.prometheus.port=1003'];
  const portOf = (sources: Parameters<typeof load>[0]) => load(sources).exporters.prometheus.port;

  test('the file over the default', () => assert.equal(portOf({ yaml }), 1001));
  test('the environment over the file', () => assert.equal(portOf({ yaml, env }), 1002));
  test('--set over the environment', () => assert.equal(portOf({ yaml, env, set }), 1003));
  test('the last --set over the first', () => {
    assert.equal(portOf({ set: [...set, 'exporters.prometheus.port=1004'] }), 1004);
  });
  test('a flag of its own over --set', () => {
    const flags = [{ flag: '--max-map-entries', key: 'kernel.max_map_entries', value: '7' }];
    assert.equal(load({ set: ['kernel.max_map_entries=8'], flags }).kernel.max_map_entries, 7);
  });
  test('key by key: what it does not name stays as it was', () => {
    const config = load({ yaml: 'exporters: { prometheus: { host: "::1", port: 1001 } }', set });
    assert.deepEqual([config.exporters.prometheus.host, config.exporters.prometheus.port], ['::1', 1003]);
  });
  test('but a list or mapping is taken whole, never merged', () => {
    assert.deepEqual(
      load({ yaml: 'receivers: { overlayfs: { bounds_us: [1, 2, 3] } }', set: ['receivers.overlayfs.bounds_us=9'] })
        .receivers.overlayfs.bounds_us,
      [9],
    );
  });
  test('but an empty variable is none, as in a manifest with an unset value', () => {
    assert.equal(portOf({ yaml, env: { FLOATIE_EXPORTERS_PROMETHEUS_PORT: '' } }), 1001);
  });
});

suite('every key', () => {
  for (const key of keys) {
    test(`${key} has the variable ${envName(key)}`, () => {
      const value = key.split('.').reduce((node: unknown, part) => (node as Record<string, unknown>)[part], defaults);
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      assert.deepEqual(load({ env: { [envName(key)]: text } }), defaults);
    });
  }

  test('has a variable of its own', () => assert.equal(new Set(keys.map(envName)).size, keys.length));
});

suite('a secret in a flag', () => {
  const rows: [pair: string, isTold: boolean][] = [
    ['exporters.otlp.headers={authorization: Bearer hunter2}', true],
    ['exporters.otlp/eu.headers={authorization: Bearer hunter2}', true],
    ['exporters.otlp.endpoint=http://user:hunter2@host:4317', true],
    ['exporters.otlp.endpoint=http://host:4317', false],
    ['service.telemetry.resource={team: storage}', false],
  ];
  for (const [pair, isTold] of rows) {
    test(`is ${isTold ? '' : 'not '}told to be readable by everybody: ${pair}`, () => {
      const { warnings } = withWarnings({ set: [pair] });
      assert.equal(warnings.length, isTold ? 1 : 0);
      assert.doesNotMatch(warnings.join(), /hunter2/);
    });
  }

  test('is no matter in a file or a variable', () => {
    const headers = '{ authorization: Bearer hunter2 }';
    assert.deepEqual(withWarnings({ yaml: `exporters: { otlp: { headers: ${headers} } }` }).warnings, []);
    assert.deepEqual(withWarnings({ env: { FLOATIE_EXPORTERS_OTLP_HEADERS: headers } }).warnings, []);
  });
});

suite('a list in a flag or a variable', () => {
  const rows: [string, string][] = [
    ['separated by commas', '1,2.5,4'],
    ['separated by commas and spaces', '1, 2.5, 4'],
    ['written as YAML', '[1, 2.5, 4]'],
  ];
  for (const [name, text] of rows) {
    test(`can be ${name}`, () => {
      assert.deepEqual(
        load({ env: { FLOATIE_RECEIVERS_OVERLAYFS_BOUNDS_US: text } }).receivers.overlayfs.bounds_us,
        [1, 2.5, 4],
      );
    });
  }

  test('can be one word', () => {
    assert.deepEqual(
      load({ set: ['service.pipelines.metrics.receivers=overlayfs'] }).service.pipelines.metrics.receivers,
      ['overlayfs'],
    );
  });

  test('can be a list of views', () => {
    const view = '{selector: {instrument_name: "floatie_*"}, stream: {attribute_keys: {included: []}}}';
    assert.deepEqual(load({ env: { FLOATIE_VIEWS: `[${view}]` } }).views, [
      { selector: { instrument_name: 'floatie_*' }, stream: { attribute_keys: { included: [] } } },
    ]);
  });
});

suite('a value in a flag or a variable', () => {
  const rows: [string, string, (config: Config) => unknown, unknown][] = [
    ['an address of IPv6', 'exporters.prometheus.host=::1', (config) => config.exporters.prometheus.host, '::1'],
    ['"self"', 'kernel.pid_ns_inum=self', (config) => config.kernel.pid_ns_inum, 'self'],
    [
      'a mapping, an equals sign in it',
      'service.telemetry.resource={team: a=b}',
      (config) => config.service.telemetry.resource,
      { team: 'a=b' },
    ],
  ];
  for (const [name, pair, get, expected] of rows) {
    test(`can be ${name}`, () => assert.deepEqual(get(load({ set: [pair] })), expected));
  }

  const texts: [key: string, text: string][] = [
    ['exporters.prometheus.host', '::'],
    ['exporters.prometheus.web_config_file', '/etc/a #b: c.yaml'],
    ['exporters.prometheus.web_config_file', '"quoted"'],
    ['exporters.prometheus.web_config_file', "{ a: '1' }"],
    ['exporters.otlp.endpoint', 'http://host:4317/#part # comment'],
    ['exporters.otlp.endpoint', ''],
    ['exporters.otlp.tls.ca_file', '*alias'],
    ['exporters.otlp.tls.ca_file', '&anchor a'],
    ['exporters.otlp.tls.ca_file', '~'],
    ['exporters.otlp.tls.ca_file', '1.10'],
    ['kernel.cgroup', '/a #b'],
    ['kernel.cgroup', '/a: [b'],
  ];
  for (const [key, text] of texts) {
    test(`is the text that it is: ${key}=${text}`, () => {
      const taken = (sources: Parameters<typeof load>[0]) =>
        key.split('.').reduce((node: unknown, part) => (node as Record<string, unknown>)[part], load(sources));
      assert.equal(taken({ set: [`${key}=${text}`] }), text);
      assert.equal(taken({ env: { [envName(key)]: text } }), text);
    });
  }

  test('of a list of texts can have what YAML would take for something else', () => {
    const { include } = load({ set: ['containers.include=*, /a #b,/c'] }).containers;
    assert.deepEqual(include, ['*', '/a #b', '/c']);
  });

  const numbers: [text: string, expected: number | null][] = [
    ['9435', 9435],
    [' 9435 ', 9435],
    ['0x10', 16],
    ['1e3', 1000],
    ['9435 # the port', null],
    ['&a 9435', null],
    ['[9435]', null],
    ['9435x', null],
    ['0x', null],
    ['1_000', null],
    ['', null],
  ];
  for (const [text, expected] of numbers) {
    test(`of a number is ${expected === null ? 'no number' : 'one'}: "${text}"`, () => {
      const set = [`exporters.prometheus.port=${text}`];
      if (expected === null)
        assert.match(problemsOf({ set })[0] ?? '', /^exporters\.prometheus\.port: must be a whole/);
      else assert.equal(load({ set }).exporters.prometheus.port, expected);
    });
  }

  for (const text of ['true', 'True', 'TRUE']) {
    test(`is on when it is ${text}`, () => assert.ok(load({ set: [`containers.names=${text}`] }).containers.names));
  }
  for (const text of ['yes', '1', 'true # not yet', '!!bool true', '']) {
    test(`is neither on nor off when it is "${text}"`, () => {
      assert.match(
        problemsOf({ set: [`containers.names=${text}`] })[0] ?? '',
        /^containers\.names: must be true or false/,
      );
    });
  }

  test('that is no YAML is a problem of its key, not the end', () => {
    const [problem] = problemsOf({ set: ['service.telemetry.log_level=*debug'] });
    assert.match(problem ?? '', /^service\.telemetry\.log_level: /);
  });

  test('of views whose * is not quoted is a problem of the key views', () => {
    const FLOATIE_VIEWS = '[{selector: {instrument_name: *_latency_us}, stream: {}}]';
    assert.match(problemsOf({ env: { FLOATIE_VIEWS } })[0] ?? '', /^(views|FLOATIE_VIEWS): /);
  });
});

suite('resource attributes', () => {
  const resourceOf = (yaml: string) =>
    load({ yaml: `service: { telemetry: { resource: ${yaml} } }` }).service.telemetry.resource;

  test('keep their names', () => assert.deepEqual(resourceOf('{ team: storage }'), { team: 'storage' }));

  test('may have dots in their names, as those of OpenTelemetry do', () => {
    assert.deepEqual(resourceOf('{ deployment.environment.name: production }'), {
      'deployment.environment.name': 'production',
    });
  });

  test('may share the beginning of their names', () => {
    const resource = { 'service.namespace': 'shop', 'service.name': 'floatie', 'host.name': 'a' };
    assert.deepEqual(resourceOf(JSON.stringify(resource)), resource);
  });

  test('with nested values are a problem that says what is right', () => {
    assert.deepEqual(problemsOf({ set: ['service.telemetry.resource={a: {b: c}}'] }), [
      'service.telemetry.resource: must be a mapping of attribute names to texts, not {"a":{"b":"c"}} (from --set)',
    ]);
  });

  for (const resource of ['{ "": x }', '{ "a\\ud800": x }', '{ a: "x\\udc00" }']) {
    test(`that are no texts, or have no name, are a problem: ${resource}`, () => {
      const [problem] = problemsOf({ yaml: `service: { telemetry: { resource: ${resource} } }` });
      assert.match(problem ?? '', /^service\.telemetry\.resource: must be a mapping of attribute names to texts/);
    });
  }

  for (const name of ['constructor', 'prototype', 'toString']) {
    test(`called ${name} are attributes like any other`, () => {
      const entries = Object.entries(resourceOf(`{ ${name}: x, other: y }`));
      assert.deepEqual(entries, [
        [name, 'x'],
        ['other', 'y'],
      ]);
    });
  }
});

suite('a problem names key, cure, value and origin', () => {
  const WHOLE = 'must be a whole number from';
  const rows: [string, Parameters<typeof load>[0], string][] = [
    [
      'a text for a number in a file',
      { yaml: 'exporters: { prometheus: { port: http } }' },
      `exporters.prometheus.port: ${WHOLE} 0 to 65535, not "http" (from FILE:1)`,
    ],
    [
      'a number that is quoted',
      { yaml: 'exporters: { prometheus: { port: "9435" } }' },
      `exporters.prometheus.port: ${WHOLE} 0 to 65535, not "9435" (from FILE:1)`,
    ],
    [
      'a number with a unit',
      { set: ['exporters.prometheus.timeout_ms=500ms'] },
      `exporters.prometheus.timeout_ms: ${WHOLE} 100 to 60000, not "500ms" (from --set)`,
    ],
    [
      'a fraction for a whole number',
      { env: { FLOATIE_KERNEL_MAX_MAP_ENTRIES: '1.5' } },
      `kernel.max_map_entries: ${WHOLE} 1 to 65536 (from FLOATIE_KERNEL_MAX_MAP_ENTRIES)`,
    ],
    [
      'a number below the range, by a flag',
      { flags: [{ flag: '--max-map-entries', key: 'kernel.max_map_entries', value: '0' }] },
      `kernel.max_map_entries: ${WHOLE} 1 to 65536, not 0 (from --max-map-entries)`,
    ],
    [
      'a number above the range',
      { set: ['kernel.max_map_entries=65537'] },
      `kernel.max_map_entries: ${WHOLE} 1 to 65536, not 65537 (from --set)`,
    ],
    [
      'nothing behind the =',
      { set: ['kernel.max_map_entries='] },
      `kernel.max_map_entries: ${WHOLE} 1 to 65536, not "" (from --set)`,
    ],
    [
      'a mapping for a number',
      { set: ['exporters.prometheus.port={a: 1}'] },
      `exporters.prometheus.port: ${WHOLE} 0 to 65535, not "{a: 1}" (from --set)`,
    ],
    [
      'a list for a number',
      { set: ['exporters.prometheus.port=[1]'] },
      `exporters.prometheus.port: ${WHOLE} 0 to 65535, not "[1]" (from --set)`,
    ],
    [
      'a word that is none of those allowed',
      { set: ['service.telemetry.log_level=loud'] },
      'service.telemetry.log_level: must be "debug", "info", "warn" or "error", not "loud" (from --set)',
    ],
    [
      'a mapping for a word',
      { set: ['service.telemetry.log_level={a: 1}'] },
      'service.telemetry.log_level: must be "debug", "info", "warn" or "error", not "{a: 1}" (from --set)',
    ],
    [
      'a PID namespace by another word',
      { set: ['kernel.pid_ns_inum=host'] },
      'kernel.pid_ns_inum: must be 0 (all), "self", or a number from "readlink /proc/PID/ns/pid", not "host" (from --set)',
    ],
    [
      'a word for yes or no',
      { set: ['containers.names=maybe'] },
      'containers.names: must be true or false, or "without_image", not "maybe" (from --set)',
    ],
    [
      'a pattern that no cgroup can match',
      { set: ['containers.exclude=[system.slice/*]'] },
      'containers.exclude: must be a list of paths of cgroups that begin with "/" or "*", such as "/system.slice/*", not ["system.slice/*"] (from --set)',
    ],
    [
      'a host with a port',
      { set: ['exporters.prometheus.host=http://localhost'] },
      'exporters.prometheus.host: must be an address or a host name, such as "127.0.0.1", "::1" or "0.0.0.0", not "http://localhost" (from --set)',
    ],
    [
      'a word for a list in a file',
      { yaml: 'service: { pipelines: { metrics: { receivers: overlayfs } } }' },
      `service.pipelines.metrics.receivers: must be a list of ${RECEIVER_LIST}, not "overlayfs" (from FILE:1)`,
    ],
    [
      'a receiver that does not exist',
      { set: ['service.pipelines.metrics.receivers=overlay'] },
      `service.pipelines.metrics.receivers: must be a list of ${RECEIVER_LIST}, not ["overlay"] (from --set)`,
    ],
    [
      'a receiver twice',
      { set: ['service.pipelines.metrics.receivers=overlayfs,overlayfs'] },
      'service.pipelines.metrics.receivers: must name each only once, not ["overlayfs","overlayfs"] (from --set)',
    ],
    ['a text for views', { yaml: 'views: all' }, 'views: must be a list of views, not "all" (from FILE:1)'],
    [
      'bounds that fall',
      { set: ['receivers.overlayfs.bounds_us=2,1'] },
      'receivers.overlayfs.bounds_us: must rise from bound to bound, not [2,1] (from --set)',
    ],
    [
      'a text for the resource',
      { set: ['service.telemetry.resource=x'] },
      'service.telemetry.resource: must be a mapping of attribute names to texts, not "x" (from --set)',
    ],
    ['--set without =', { set: ['kernel'] }, '--set kernel: must look like key=value'],
    ['--set without a key', { set: ['=1'] }, '--set =1: must look like key=value'],
    [
      'an unknown key by --set',
      { set: ['exporters.prometheus.prot=1'] },
      '--set exporters.prometheus.prot: unknown key; did you mean "exporters.prometheus.port"?',
    ],
    [
      'an unknown key in a file',
      { yaml: 'exporters: { prometheus: { prot: 1 } }' },
      'FILE:1: exporters.prometheus.prot: unknown key; did you mean "exporters.prometheus.port"?',
    ],
    ['an unknown section in a file', { yaml: 'nonsense: { a: 1 }\nviews:' }, 'FILE:1: nonsense: unknown key'],
    [
      'an unknown variable',
      { env: { FLOATIE_EXPORTERS_PROMETHEUS_PROT: '1' } },
      'FLOATIE_EXPORTERS_PROMETHEUS_PROT: no setting has this environment variable; did you mean "FLOATIE_EXPORTERS_PROMETHEUS_PORT"?',
    ],
    ['a value where a section belongs', { yaml: 'exporters: 5' }, 'FILE:1: exporters: must be a section, not 5'],
    [
      'a list where a section belongs',
      { yaml: 'exporters: [prometheus]' },
      'FILE:1: exporters: must be a section, not ["prometheus"]',
    ],
  ];
  for (const [name, sources, expected] of rows) {
    test(name, () => assert.deepEqual(problemsOf(sources), [expected]));
  }
});

suite('problems', () => {
  test('are told all at once, whatever their source', () => {
    const problems = problemsOf({
      yaml: 'kernel: { max_map_entries: many, colour: red }\nexporters: 5',
      env: { FLOATIE_COLOUR: 'red', FLOATIE_SERVICE_TELEMETRY_LOG_LEVEL: 'loud' },
      set: ['nonsense', 'receivers.overlayfs.expire_ms=1'],
    });
    assert.equal(problems.length, 7);
  });

  test('of views are told together with the others', () => {
    const problems = problemsOf({ yaml: 'views: [{}]', set: ['kernel.max_map_entries=0'] });
    assert.equal(problems.filter((problem) => problem.startsWith('views[0]')).length, problems.length - 1);
  });

  test('are the lines of the error message', () => {
    assert.throws(() => load({ set: ['a', 'b'] }), {
      name: 'ConfigError',
      message: '--set a: must look like key=value\n--set b: must look like key=value',
    });
  });
});

suite('variables of others', () => {
  test('are not looked at', () => assert.deepEqual(load({ env: { PATH: '/bin', FLOATIES: '1' } }), defaults));

  test('that Kubernetes sets for a Service called floatie are no mistakes', () => {
    // https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    const env = {
      FLOATIE_SERVICE_HOST: '10.0.0.11',
      FLOATIE_SERVICE_PORT: '9090',
      FLOATIE_SERVICE_PORT_METRICS: '9090',
      FLOATIE_PORT: 'tcp://10.0.0.11:9090',
      FLOATIE_PORT_9090_TCP: 'tcp://10.0.0.11:9090',
      FLOATIE_PORT_9090_TCP_PROTO: 'tcp',
      FLOATIE_PORT_9090_TCP_PORT: '9090',
      FLOATIE_PORT_9090_TCP_ADDR: '10.0.0.11',
    };
    assert.deepEqual(load({ env }), defaults);
  });

  const others: [service: string, env: Record<string, string>][] = [
    ['floatie-metrics', { FLOATIE_METRICS_SERVICE_HOST: '10.0.0.1', FLOATIE_METRICS_SERVICE_PORT: '9090' }],
    ['floatie-metrics, by a port with a name', { FLOATIE_METRICS_SERVICE_PORT_HTTP_ALT: '9090' }],
    ['floatie-metrics, as a link', { FLOATIE_METRICS_PORT: 'udp://10.0.0.1:53', FLOATIE_METRICS_PORT_53_UDP: 'x' }],
    ['floatie-sctp', { FLOATIE_SCTP_PORT: 'sctp://[fd00::1]:7', FLOATIE_SCTP_PORT_7_SCTP_ADDR: 'fd00::1' }],
    ['floatie-exporters-prometheus', { FLOATIE_EXPORTERS_PROMETHEUS_PORT: 'tcp://10.0.0.1:9090' }],
  ];
  for (const [service, env] of others) {
    test(`that Kubernetes sets for a Service are no mistakes: ${service}`, () =>
      assert.deepEqual(load({ env }), defaults));
  }

  test('that are a setting by name and of Kubernetes by value are told', () => {
    const { warnings } = withWarnings({ env: { FLOATIE_EXPORTERS_PROMETHEUS_PORT: 'tcp://10.0.0.1:9090' } });
    assert.deepEqual(warnings, [
      'FLOATIE_EXPORTERS_PROMETHEUS_PORT: is ignored: by its value it is of a Service of Kubernetes, and no setting',
    ]);
  });

  for (const [name, value] of [
    ['FLOATIE_PORT', '9435'],
    ['FLOATIE_EXPORTERS_OTLP_PORT', '4317'],
    ['FLOATIE_METRICS_SERVICE_HOSTS', '10.0.0.1'],
    ['FLOATIE_METRICS_SERVICE', '10.0.0.1'],
    ['FLOATIE_PORT_TCP', 'tcp://10.0.0.1:1'],
    ['FLOATIE_METRICS_PORT', 'http://10.0.0.1:1'],
  ] as const) {
    test(`that only look like those of Kubernetes are mistakes: ${name}=${value}`, () => {
      assert.match(problemsOf({ env: { [name]: value } })[0] ?? '', new RegExp(`^${name}: no setting has this`));
    });
  }

  test('that are settings are taken, whatever they end in', () => {
    assert.equal(load({ env: { FLOATIE_EXPORTERS_PROMETHEUS_PORT: '9435' } }).exporters.prometheus.port, 9435);
    assert.match(problemsOf({ env: { FLOATIE_EXPORTERS_PROMETHEUS_PORT: 'http' } })[0] ?? '', /must be a whole number/);
  });
});

suite('a file with nothing to say', () => {
  const rows: [string, string][] = [
    ['empty', ''],
    ['with comments only', '# nothing\n'],
    ['with an empty document', '---\n'],
    ['with an empty mapping', '{}\n'],
    ['with empty sections', 'kernel:\nreceivers:\n  overlayfs:\nexporters:\nservice:\n  telemetry:\n'],
    ['with null sections', 'kernel: null\nexporters: ~\n'],
    ['with keys and no values', 'kernel:\n  max_map_entries:\nviews:\nexporters:\n  prometheus:\n    port:\n'],
    ['with a byte order mark', '\ufeffkernel:\n'],
  ];
  for (const [name, yaml] of rows) {
    test(`${name} leaves the defaults`, () => assert.deepEqual(load({ yaml }), defaults));
  }
});

suite('a file that cannot be used', () => {
  const problemOf = (file: string): string => {
    const [problem, ...others] = problemsOf({ file });
    assert.deepEqual(others, []);
    return problem ?? '';
  };

  test('says the line of a syntax error', () => {
    assert.match(problemOf(fileWith('kernel:\n  max_map_entries: [1\nviews: []\n')), /^FILE: .* at line 3/);
  });

  test('says the line of a key that is there twice', () => {
    assert.equal(
      problemOf(fileWith('kernel:\nviews: []\nkernel:\n')),
      'FILE: Map keys must be unique at line 3, column 1',
    );
  });

  test('says all syntax errors', () => assert.ok(problemsOf({ yaml: 'a: 1\na: 2\nb: 1\nb: 2\n' }).length >= 2));

  test('says that it is not there', () => {
    assert.match(problemOf('/nonexistent/floatie.yaml'), /^\/nonexistent\/floatie\.yaml: cannot be read: ENOENT/);
  });

  test('says that it is a folder', () => assert.match(problemOf(folder), /: cannot be read: EISDIR/));

  test('says that it is too large', () => {
    const file = fileWith(`# ${'x'.repeat(1 << 20)}\n`);
    assert.equal(problemOf(file), 'FILE: cannot be read: it is larger than 1 MiB');
  });

  for (const [name, yaml] of [
    ['a list', '- kernel\n'],
    ['a text', 'hello\n'],
    ['a number', '5\n'],
  ] as const) {
    test(`says what it should hold instead of ${name}`, () => {
      assert.equal(problemOf(fileWith(yaml)), 'FILE: must hold sections such as "receivers:" and "exporters:"');
    });
  }

  test('does not blow up by aliases of aliases', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `  - &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`);
    const yaml = `views:\n  - &a0 [x]\n${levels.join('\n')}\n`;
    assert.match(problemOf(fileWith(yaml)), /^FILE: .*alias/i);
  });

  test('says that an alias has no anchor', () => {
    const yaml = 'views:\n  - selector: { instrument_name: *latency }\n    stream: {}\n';
    assert.match(problemOf(fileWith(yaml)), /^FILE: .*alias/i);
  });

  test('says that a list holds itself', () => {
    assert.match(problemsOf({ yaml: 'views: &self [*self]\n' })[0] ?? '', /^views/);
  });
});

suite('keys that JavaScript has of its own', () => {
  for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    test(`${key} is an unknown key in a file`, () => {
      assert.deepEqual(problemsOf({ yaml: `${key}: { polluted: yes }\nviews:` }), [`FILE:1: ${key}: unknown key`]);
    });

    test(`${key} is an unknown key inside a section`, () => {
      assert.equal(
        problemsOf({ yaml: `kernel: { ${key}: 1 }` })[0]?.startsWith(`FILE:1: kernel.${key}: unknown key`),
        true,
      );
    });

    test(`${key} is an unknown key for --set`, () => {
      assert.equal(
        problemsOf({ set: [`${key}.polluted=1`] })[0]?.startsWith(`--set ${key}.polluted: unknown key`),
        true,
      );
    });
  }

  test('reach no prototype through the resource', () => {
    load({ yaml: 'service: { telemetry: { resource: { __proto__: polluted, constructor: polluted } } }' });
    assert.equal(({} as Record<string, unknown>).constructor, Object);
  });

  test('reach no prototype', () => {
    problemsOf({ yaml: '__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }' });
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  test('"" is an unknown key, too, and no other name for the top', () => {
    assert.match(problemsOf({ yaml: '"": { kernel: { max_map_entries: 5 } }\nviews:' })[0] ?? '', /unknown key/);
  });
});

suite('a configuration that is printed', () => {
  const configs: [string, Partial<Sources>][] = [
    ['of defaults', {}],
    [
      'of all kinds of values',
      {
        set: [
          'kernel.pid_ns_inum=self',
          'exporters.prometheus.host=::1',
          'receivers.overlayfs.bounds_us=0.5,1,1000000000',
          'service.telemetry.resource={team: "no", rank: "1", empty: ""}',
          'views=[{selector: {instrument_name: "*_us"}, stream: {attribute_keys: {included: []}, aggregation: {explicit_bucket_histogram: {boundaries: [3, 4.5]}}}}]',
        ],
      },
    ],
  ];
  for (const [name, sources] of configs) {
    test(`${name} is the same when it is loaded again`, () => {
      const config = load(sources);
      assert.deepEqual(load({ yaml: stringify(redact(config)) }), config);
    });
  }
});

suite('a suggestion', () => {
  const known = ['exporters.prometheus.port', 'exporters.prometheus.host', 'views'];
  const rows: [string, string, string][] = [
    ['is made for letters that changed places', 'veiws', '; did you mean "views"?'],
    ['is made for a missing letter', 'exporters.prometheus.pot', '; did you mean "exporters.prometheus.port"?'],
    ['is made for one letter too many', 'viewss', '; did you mean "views"?'],
    ['is not made for something else', 'receivers', ''],
  ];
  for (const [name, given, expected] of rows) test(name, () => assert.equal(nearest(given, known), expected));
  test('is not made where nothing is known', () => assert.equal(nearest('views', []), ''));
});
