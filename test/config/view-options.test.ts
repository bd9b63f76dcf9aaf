import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type Histogram,
  MeterProvider,
  type MetricData,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import { selectedBy, sharedNames } from '../../src/config/selection.ts';
import type { ViewConfig } from '../../src/config/view.ts';
import { viewOptions } from '../../src/config/view-options.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { allMetrics } from '../../src/receivers/index.ts';
import { ERRORS, errors, GRID_US, LATENCY, labels, latencies, registryWith, view } from '../metrics/counts.ts';

function selecting(pattern: string, stream: ViewConfig['stream'] = {}): ViewConfig {
  return { selector: { instrument_name: pattern }, stream };
}

function namesOf(pattern: string): string[] {
  return selectedBy(selecting(pattern)).map(({ name }) => name);
}

suite('the selector of a view', () => {
  const rows: [string, string, string[]][] = [
    ['takes a name as it is', 'floatie_build_info', ['floatie_build_info']],
    ['knows nothing by part of its name', 'floatie_build', []],
    ['minds the case', 'FLOATIE_build_info', []],
    ['takes * for any run of characters', 'floatie_overlayfs_*te_latency_us', ['floatie_overlayfs_write_latency_us']],
    ['takes * for no character at all', 'floatie_build_info*', ['floatie_build_info']],
    ['takes ? for one character', 'floatie_build_inf?', ['floatie_build_info']],
    ['does not take ? for none', 'floatie_build_info?', []],
    ['takes several wildcards together', '*_??a?_latency_us', ['floatie_overlayfs_read_latency_us']],
    ['does not read a dot as a wildcard', 'floatie.build.info', []],
    ['does not read it as a regular expression', 'floatie_(build)_info|x', []],
    ['does not stumble over a bracket', 'floatie_[build', []],
  ];
  for (const [name, pattern, expected] of rows) {
    test(`${name}: ${pattern}`, () => assert.deepEqual(namesOf(pattern), expected));
  }

  test('takes * alone for every metric', () => assert.equal(namesOf('*').length, allMetrics.length));
});

suite('names that two streams share', () => {
  test('are none without views', () => assert.deepEqual(sharedNames([]), []));

  test('are none when each view gives another name', () => {
    const views = [view(ERRORS, { name: 'one_total' }), view(ERRORS, { name: 'two_total' })];
    assert.deepEqual(sharedNames(views), []);
  });

  test('are found when two views of one metric leave it its name', () => {
    assert.deepEqual(sharedNames([view(ERRORS, {}), selecting('*_errors_total')]), [ERRORS.name]);
  });

  test('are found when a view takes the name of another metric', () => {
    const views = [view(ERRORS, { name: 'floatie_overlayfs_zero_total' })];
    assert.deepEqual(sharedNames(views), ['floatie_overlayfs_zero_total']);
  });

  test('are free again when the other metric is dropped', () => {
    const views = [
      view(ERRORS, { name: 'floatie_overlayfs_zero_total' }),
      selecting('floatie_overlayfs_zero_total', { aggregation: { drop: {} } }),
    ];
    assert.deepEqual(sharedNames(views), []);
  });

  test('are found when only the _total that Prometheus gives a counter makes them the same', () => {
    const views = [view(ERRORS, { name: 'floatie_overlayfs_zero' })];
    assert.equal(sharedNames(views).length, 1);
  });
});

class TestReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** What a person would see: without times, the SDK's minimum and maximum, and metrics that have no series. */
function seen(metrics: readonly MetricData[]) {
  return metrics
    .filter(({ dataPoints }) => dataPoints.length > 0)
    .map(({ descriptor, dataPointType, dataPoints }) => ({
      name: descriptor.name,
      description: descriptor.description,
      unit: descriptor.unit,
      dataPointType,
      points: dataPoints
        .map(({ attributes, value }) => ({
          labels: labels(attributes),
          value: typeof value === 'number' ? value : pick(value as Histogram),
        }))
        .sort((a, b) => (a.labels < b.labels ? -1 : 1)),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function pick({ sum, count, buckets }: Histogram) {
  return { sum, count, buckets };
}

const CGROUPS: Attributes[] = [
  { cgroup: '/a', 'container.id': 'a' },
  { cgroup: '/b', 'container.id': 'b' },
  { cgroup: '/c' },
];
/** On bounds, between them and above; halves, so that sums are exact. */
const VALUES_US = [0, 1, 1.5, 2, 3, 8, 9];

/** The same operations in the kernel's counts and in an instrument of the SDK, under the same views. */
async function bothWays(views: ViewConfig[]) {
  const options = viewOptions(views);
  const { registry, source } = registryWith(options);
  const reader = new TestReader();
  const meter = new MeterProvider({ views: options, readers: [reader] }).getMeter('test');
  const counter = meter.createCounter(ERRORS.name, { description: ERRORS.description, unit: ERRORS.unit });
  const histogram = meter.createHistogram(LATENCY.name, {
    description: LATENCY.description,
    unit: LATENCY.unit,
    advice: { explicitBucketBoundaries: [...GRID_US] },
  });
  source.samples = CGROUPS.flatMap((attributes, index) => {
    counter.add(index + 1, { op: 'read', ...attributes });
    const buckets = new Array<number>(GRID_US.length + 1).fill(0);
    let sumNs = 0;
    for (const us of VALUES_US) {
      histogram.record(us, attributes);
      const bucket = GRID_US.findIndex((bound) => us <= bound);
      const at = bucket < 0 ? GRID_US.length : bucket;
      buckets[at] = (buckets[at] ?? 0) + 1;
      sumNs += us * 1000;
    }
    return [
      errors(`e${index}`, { op: 'read', ...attributes }, index + 1),
      latencies(`l${index}`, attributes, sumNs, buckets),
    ];
  });
  const { resourceMetrics } = await createProducer(registry, {
    temporality: AggregationTemporality.CUMULATIVE,
  }).collect();
  const sdk = await reader.collect();
  const all = (result: typeof resourceMetrics) => result.scopeMetrics.flatMap(({ metrics }) => metrics);
  return { registry: all(resourceMetrics), sdk: all(sdk.resourceMetrics) };
}

suite('a view means the same for a metric of the kernel and for an instrument of the SDK', () => {
  const rows: [string, (metric: typeof ERRORS | typeof LATENCY) => ViewConfig[]][] = [
    ['without views', () => []],
    ['when it renames', (metric) => [view(metric, { name: 'other', description: 'Another' })]],
    ['when it includes an attribute', (metric) => [view(metric, { attribute_keys: { included: ['container.id'] } })]],
    ['when it excludes an attribute', (metric) => [view(metric, { attribute_keys: { excluded: ['cgroup'] } })]],
    [
      'when it includes and excludes',
      (metric) => [view(metric, { attribute_keys: { included: ['cgroup', 'container.id'], excluded: ['cgroup'] } })],
    ],
    ['when it leaves no attribute', (metric) => [view(metric, { attribute_keys: { included: [] } })]],
    [
      'when it asks for other bounds',
      (metric) => [view(metric, { aggregation: { explicit_bucket_histogram: { boundaries: [2, 8] } } })],
    ],
    ['when it drops', (metric) => [view(metric, { aggregation: { drop: {} } })]],
    ['when it limits the series to one', (metric) => [view(metric, { aggregation_cardinality_limit: 1 })]],
    ['when it limits the series to two', (metric) => [view(metric, { aggregation_cardinality_limit: 2 })]],
    ['when the limit is as many as there are', (metric) => [view(metric, { aggregation_cardinality_limit: 3 })]],
    ['when the limit is above', (metric) => [view(metric, { aggregation_cardinality_limit: 4 })]],
    [
      'when two views make two streams',
      (metric) => [
        view(metric, { name: 'first', attribute_keys: { included: [] } }),
        view(metric, { name: 'second', aggregation_cardinality_limit: 2 }),
      ],
    ],
    [
      'when one of two views drops',
      (metric) => [view(metric, { aggregation: { drop: {} } }), view(metric, { name: 'second' })],
    ],
  ];
  for (const [name, views] of rows) {
    for (const metric of [ERRORS, LATENCY]) {
      test(`${name} (${metric.kind})`, async () => {
        const { registry, sdk } = await bothWays(views(metric));
        assert.deepEqual(seen(registry), seen(sdk));
      });
    }
  }

  test('when its selector is a pattern', async () => {
    const { registry, sdk } = await bothWays([selecting('*_overlayfs_*', { attribute_keys: { included: [] } })]);
    assert.deepEqual(seen(registry), seen(sdk));
  });
});
