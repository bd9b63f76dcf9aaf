import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sharedNames } from '../../src/config/selection.ts';
import type { ViewConfig } from '../../src/config/view.ts';
import { views as shape, viewProblems } from '../../src/config/views.ts';

const LATENCY = 'floatie_overlayfs_read_latency_us';

function problemsOf(views: readonly unknown[]): string[] {
  const problems = shape.problems(views, 'views');
  return problems.length > 0 ? problems : viewProblems(views as ViewConfig[]);
}

function stream(value: unknown, instrument_name: unknown = LATENCY): unknown[] {
  return [{ selector: { instrument_name }, stream: value }];
}

suite('names that Prometheus would have twice', () => {
  const named = (metric: string, name: string) => ({ selector: { instrument_name: metric }, stream: { name } });
  const rows: [string, ReturnType<typeof named>[], string[]][] = [
    ["a gauge like a histogram's count", [named('floatie_map_entries', `${LATENCY}_count`)], [`${LATENCY}_count`]],
    [
      "a histogram whose sum is a gauge's name",
      [named(LATENCY, 'x'), named('floatie_map_entries', 'x_sum')],
      ['x_sum'],
    ],
    [
      'a counter that gets its _total',
      [named('floatie_oom_kills_total', 'x'), named('process_max_fds', 'x_total')],
      ['x_total'],
    ],
    ['the resource', [named('process_max_fds', 'target_info')], ['target_info']],
    ["Prometheus' own", [named('process_max_fds', 'up')], ['up']],
    ['a name with dots like one with underscores', [named(LATENCY, 'x.y'), named('process_max_fds', 'x_y')], ['x_y']],
    ['two histograms', [named(LATENCY, 'x'), named('floatie_overlayfs_write_latency_us', 'x')], ['x']],
    ['none: a counter called as the count of nothing', [named('floatie_oom_kills_total', 'kills_count')], []],
    ['none: a counter with the name of a gauge and its own end', [named('floatie_oom_kills_total', 'up')], []],
  ];
  for (const [name, views, expected] of rows) {
    test(name, () => assert.deepEqual(sharedNames(views), expected));
  }

  test('are a problem, and so is a name that the page would leave out', () => {
    assert.equal(problemsOf([named('process_max_fds', 'up')]).length, 1);
    assert.equal(problemsOf([named('process_max_fds', '_')]).length, 1);
  });
});

suite('views that are right', () => {
  const rows: [string, unknown[]][] = [
    ['none', []],
    ['one that changes nothing', stream({})],
    ['another name', stream({ name: 'disk_read_us' })],
    ['a name with dots', stream({ name: 'disk.read.duration' })],
    ['seconds', stream({ unit: 's' })],
    ['another description', stream({ description: 'Reads' })],
    ['included attributes', stream({ attribute_keys: { included: ['container.id'] } })],
    ['no attribute at all', stream({ attribute_keys: { included: [] } })],
    ['included and excluded attributes', stream({ attribute_keys: { included: ['a'], excluded: ['b'] } })],
    ['other bounds', stream({ aggregation: { explicit_bucket_histogram: { boundaries: [1, 2.5] } } })],
    [
      'other bounds for every histogram of all metrics',
      stream({ aggregation: { explicit_bucket_histogram: { boundaries: [1, 2.5] } } }, '*'),
    ],
    ['dropping', stream({ aggregation: { drop: {} } }, '*')],
    ['a limit', stream({ aggregation_cardinality_limit: 1 })],
    ['two streams of one metric', [...stream({ name: 'a' }), ...stream({ name: 'b' })]],
    ['a metric about Floatie itself', stream({ name: 'info' }, 'floatie_build_info')],
  ];
  for (const [name, views] of rows) test(name, () => assert.deepEqual(problemsOf(views), []));
});

suite('views that are wrong name the key', () => {
  const rows: [string, unknown[], string[]][] = [
    ['no mapping', ['x'], ['views[0]: must be a mapping with selector, stream']],
    ['null', [null], ['views[0]: must be a mapping with selector, stream']],
    ['nothing in it', [{}], ['views[0].selector: is missing', 'views[0].stream: is missing']],
    ['a selector without its name', [{ selector: {}, stream: {} }], ['views[0].selector.instrument_name: is missing']],
    ['an empty name', stream({}, ''), ['views[0].selector.instrument_name: must be a text']],
    ['a number for a name', stream({}, 5), ['views[0].selector.instrument_name: must be a text']],
    [
      'a metric that does not exist',
      stream({}, 'floatie_nonsense'),
      ['views[0].selector.instrument_name: no metric is called "floatie_nonsense"'],
    ],
    [
      'a pattern that fits nothing',
      stream({}, 'prometheus_*'),
      ['views[0].selector.instrument_name: no metric is called "prometheus_*"'],
    ],
    [
      'an unknown key beside the selector',
      [{ selector: { instrument_name: LATENCY }, stream: {}, name: 'x' }],
      ['views[0].name: unknown key; known here: selector, stream'],
    ],
    [
      'a selector of the SDK that is not supported',
      [{ selector: { instrument_name: LATENCY, meter_name: 'floatie' }, stream: {} }],
      ['views[0].selector.meter_name: unknown key; known here: instrument_name'],
    ],
    [
      'a stream that is null',
      stream(null),
      [
        'views[0].stream: must be a mapping with name, description, unit, attribute_keys, aggregation, aggregation_cardinality_limit',
      ],
    ],
    [
      'a misspelt key of the stream',
      stream({ attribute_key: {} }),
      [
        'views[0].stream.attribute_key: unknown key; known here: name, description, unit, attribute_keys, aggregation, aggregation_cardinality_limit',
      ],
    ],
    [
      'a text for a list of attributes',
      stream({ attribute_keys: { included: 'cgroup' } }),
      ['views[0].stream.attribute_keys.included: must be a list of attribute names'],
    ],
    [
      'numbers for attributes',
      stream({ attribute_keys: { excluded: [1] } }),
      ['views[0].stream.attribute_keys.excluded: must be a list of attribute names'],
    ],
    [
      'bounds that fall',
      stream({ aggregation: { explicit_bucket_histogram: { boundaries: [2, 1] } } }),
      ['views[0].stream.aggregation.explicit_bucket_histogram.boundaries: must rise from bound to bound'],
    ],
    [
      'bounds that are missing',
      stream({ aggregation: { explicit_bucket_histogram: {} } }),
      ['views[0].stream.aggregation.explicit_bucket_histogram.boundaries: is missing'],
    ],
    [
      'bounds for a counter',
      stream({ aggregation: { explicit_bucket_histogram: { boundaries: [1] } } }, 'floatie_overlayfs_errors_total'),
      ['views[0].stream.aggregation.explicit_bucket_histogram: "floatie_overlayfs_errors_total" selects no histogram'],
    ],
    [
      'an aggregation that is not supported',
      stream({ aggregation: { base2_exponential_bucket_histogram: {} } }),
      [
        'views[0].stream.aggregation.base2_exponential_bucket_histogram: unknown key; known here: drop, explicit_bucket_histogram',
      ],
    ],
    ['an unknown unit', stream({ unit: 'ms' }), ['views[0].stream.unit: must be "s"']],
    [
      'seconds for a metric that is not in microseconds',
      stream({ unit: 's' }, 'floatie_overlayfs_*'),
      ['views[0].stream.unit: "floatie_overlayfs_*" selects a metric that is not in microseconds'],
    ],
    [
      'a limit of zero',
      stream({ aggregation_cardinality_limit: 0 }),
      ['views[0].stream.aggregation_cardinality_limit: must be a whole number from 1 on'],
    ],
    [
      'one name for several metrics',
      stream({ name: 'one' }, 'floatie_overlayfs_*_latency_us'),
      ['views[0].stream.name: "floatie_overlayfs_*_latency_us" selects 7 metrics, which cannot share one name'],
    ],
    [
      'two views that export the same name',
      [...stream({}), ...stream({ attribute_keys: { included: [] } })],
      [`views: two metrics would be "${LATENCY}" in Prometheus, or one beside its own; give one another stream.name`],
    ],
    [
      'several wrong views',
      [{}, ...stream({ aggregation_cardinality_limit: -1 })],
      [
        'views[0].selector: is missing',
        'views[0].stream: is missing',
        'views[1].stream.aggregation_cardinality_limit: must be a whole number from 1 on',
      ],
    ],
  ];
  for (const [name, views, expected] of rows) test(name, () => assert.deepEqual(problemsOf(views), expected));

  for (const name of ['', '1st', 'disk-read', 'disk read', 'disk..read', 'disk._read', 'größe', 'a:b', 5, null]) {
    test(`a stream called ${JSON.stringify(name)}, which Prometheus would show under another name or not at all`, () => {
      assert.deepEqual(problemsOf(stream({ name })), [
        'views[0].stream.name: must be a metric name: letters, digits, dots and underscores, not beginning with a digit',
      ]);
    });
  }

  for (const key of ['__proto__', 'constructor', 'toString']) {
    test(`a key called ${key}`, () => {
      const view = JSON.parse(`{ "selector": { "instrument_name": "*" }, "stream": {}, "${key}": {} }`);
      assert.deepEqual(problemsOf([view]), [`views[0].${key}: unknown key; known here: selector, stream`]);
    });
  }
});
