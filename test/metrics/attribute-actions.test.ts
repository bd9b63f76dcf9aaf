import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import type { ViewConfig } from '../../src/config/view.ts';
import { viewOptions } from '../../src/config/view-options.ts';
import type { AttributeAction } from '../../src/metrics/attribute-actions.ts';
import { applyActions } from '../../src/metrics/attribute-actions.ts';
import { OVERFLOW } from '../../src/metrics/attributes.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { allMetrics } from '../../src/receivers/index.ts';
import { collect, ERRORS, errors, LATENCY, latencies, named, registryWith, valuesOf, view } from './counts.ts';

suite('an action', () => {
  const rows: [string, AttributeAction[], Attributes, Attributes][] = [
    ['deletes', [{ key: 'a', action: 'delete' }], { a: '1', b: '2' }, { b: '2' }],
    ['deletes what is not there', [{ key: 'c', action: 'delete' }], { a: '1' }, { a: '1' }],
    ['inserts a text', [{ key: 'b', action: 'insert', value: 'x' }], { a: '1' }, { a: '1', b: 'x' }],
    ['inserts nothing where something is', [{ key: 'a', action: 'insert', value: 'x' }], { a: '1' }, { a: '1' }],
    ['updates', [{ key: 'a', action: 'update', value: 'x' }], { a: '1' }, { a: 'x' }],
    ['updates nothing where nothing is', [{ key: 'b', action: 'update', value: 'x' }], { a: '1' }, { a: '1' }],
    ['upserts what is there', [{ key: 'a', action: 'upsert', value: 'x' }], { a: '1' }, { a: 'x' }],
    ['upserts what is not', [{ key: 'b', action: 'upsert', value: 'x' }], {}, { b: 'x' }],
    ['copies', [{ key: 'b', action: 'insert', from_attribute: 'a' }], { a: '1' }, { a: '1', b: '1' }],
    ['copies nothing from nothing', [{ key: 'a', action: 'upsert', from_attribute: 'b' }], { a: '1' }, { a: '1' }],
    [
      'renames, with a second one',
      [
        { key: 'b', action: 'upsert', from_attribute: 'a' },
        { key: 'a', action: 'delete' },
      ],
      { a: '1', b: '2' },
      { b: '1' },
    ],
    ['takes an empty text for one', [{ key: 'a', action: 'upsert', value: '' }], {}, { a: '' }],
    ['knows no attribute of JavaScript', [{ key: 'a', action: 'insert', from_attribute: 'constructor' }], {}, {}],
  ];
  for (const [name, actions, before, after] of rows) {
    test(name, () => {
      const given = { ...before };
      assert.deepEqual(applyActions(given, actions), after);
      assert.deepEqual(given, before);
    });
  }
});

const DELETE_CGROUP: AttributeAction = { key: 'cgroup', action: 'delete' };
const TEAM: AttributeAction = { key: 'team', action: 'insert', value: 'storage' };

function setUp(actions: AttributeAction[], views: ViewConfig[] = []) {
  const { registry, source } = registryWith(viewOptions(views, actions));
  return { registry, source, producer: createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE }) };
}

suite('attributes processors', () => {
  test('add the counters and histograms whose series become equal', async () => {
    const { source, producer } = setUp([DELETE_CGROUP]);
    source.samples = [
      errors('a', { op: 'read', cgroup: '/a' }, 2),
      errors('b', { op: 'read', cgroup: '/b' }, 3),
      errors('c', { op: 'write', cgroup: '/b' }, 4),
      latencies('a', { cgroup: '/a' }, 1000, [1, 0, 0, 0, 0]),
      latencies('b', { cgroup: '/b' }, 2000, [0, 1, 0, 0, 5]),
    ];
    const metrics = await collect(producer);
    assert.deepEqual(valuesOf(named(metrics, ERRORS.name)), { 'op=read': 5, 'op=write': 4 });
    assert.deepEqual(valuesOf(named(metrics, LATENCY.name)), { '': 7 });
  });

  test('come after the views', async () => {
    const views = [view(ERRORS, { name: 'other_total', attribute_keys: { included: ['op'] } })];
    const { source, producer } = setUp([{ key: 'operation', action: 'insert', from_attribute: 'op' }, TEAM], views);
    source.samples = [errors('a', { op: 'read', cgroup: '/a' }, 2)];
    const expected = { 'op=read,operation=read,team=storage': 2 };
    assert.deepEqual(valuesOf(named(await collect(producer), 'other_total')), expected);
  });

  test('leave the one series of a metric that has no attributes of its own there from the start', async () => {
    const { registry, source, producer } = setUp([TEAM], [view(ERRORS, { attribute_keys: { included: [] } })]);
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), { 'team=storage': 0 });
    source.samples = [errors('a', { op: 'read', cgroup: '/a' }, 2)];
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), { 'team=storage': 2 });
    registry.end(source.samples.splice(0));
    assert.deepEqual(valuesOf(named(await collect(producer), ERRORS.name)), { 'team=storage': 2 });
  });

  test('mark what did not fit as everything else', async () => {
    const { source, producer } = setUp([TEAM], [view(LATENCY, { aggregation_cardinality_limit: 2 })]);
    source.samples = [
      latencies('rest', OVERFLOW, 1000, [1, 0, 0, 0, 0]),
      latencies('a', { cgroup: '/a' }, 1000, [1, 0, 0, 0, 0]),
      latencies('b', { cgroup: '/b' }, 1000, [1, 0, 0, 0, 0]),
    ];
    assert.deepEqual(valuesOf(named(await collect(producer), LATENCY.name)), {
      'otel.metric.overflow=true,team=storage': 2,
      'cgroup=/a,team=storage': 1,
    });
  });

  test('are of every metric, those of Floatie itself too', () => {
    const all = viewOptions([view(ERRORS, {})], [TEAM]);
    assert.deepEqual(
      all.map(({ instrumentName }) => instrumentName),
      allMetrics.map(({ name }) => name),
    );
    for (const { attributesProcessors = [] } of all) {
      assert.deepEqual(
        attributesProcessors.reduce((kept: Attributes, one) => one.process(kept), {}),
        {
          team: 'storage',
        },
      );
    }
  });
});
