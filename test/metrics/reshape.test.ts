/** Other views while it runs: what was counted stays counted. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type { ViewConfig } from '../../src/config/view.ts';
import { viewOptions } from '../../src/config/view-options.ts';
import { selfMetrics } from '../../src/metrics/catalogue.ts';
import { sourcesOf } from '../../src/metrics/observer.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { MetricRegistry } from '../../src/metrics/registry.ts';
import {
  collect,
  ERRORS,
  errors,
  FakeSource,
  GRID,
  GRID_US,
  LATENCY,
  latencies,
  named,
  registryOf,
  startsOf,
  valuesOf,
  view,
} from './counts.ts';

const { CUMULATIVE, DELTA } = AggregationTemporality;
const READ_A = { op: 'read', cgroup: '/a' };
const READ_B = { op: 'read', cgroup: '/b' };
const BY_OP = view(ERRORS, { attribute_keys: { included: ['op'] } });
const PLAIN = view(ERRORS, { attribute_keys: { included: [] } });

/** Metrics by some views that become others, in between and afterwards with what `change` makes of them. */
async function reshaped(
  from: ViewConfig[],
  to: ViewConfig[],
  run: (one: ReturnType<typeof registryOf>, reshape: () => void) => void | Promise<void>,
) {
  const one = registryOf(...from);
  const producer = createProducer(one.registry, { temporality: CUMULATIVE });
  one.source.samples = [errors('1', READ_A, 5, [100, 0]), errors('2', READ_B, 7, [200, 0])];
  await collect(producer);
  await run(one, () => one.registry.reshape(viewOptions(to)));
  return named(await collect(producer), to[0]?.stream.name ?? ERRORS.name);
}

suite('a change of views', () => {
  test('that changes nothing keeps totals and start times', async () => {
    const data = await reshaped([], [], (_, reshape) => reshape());
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,op=read': 5, 'cgroup=/b,op=read': 7 });
    assert.deepEqual(startsOf(data), { 'cgroup=/a,op=read': [100, 0], 'cgroup=/b,op=read': [200, 0] });
  });

  test('loses nothing of what is counted before, meanwhile and after', async () => {
    const data = await reshaped([], [], ({ source }, reshape) => {
      source.samples = [errors('1', READ_A, 6), errors('2', READ_B, 8)];
      reshape();
      source.samples = [errors('1', READ_A, 9), errors('2', READ_B, 8)];
    });
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,op=read': 9, 'cgroup=/b,op=read': 8 });
  });

  test('keeps in a series that stays what members did that are no more', async () => {
    const data = await reshaped([BY_OP], [BY_OP], ({ registry, source }, reshape) => {
      source.samples = [errors('2', READ_B, 7, [200, 0])];
      registry.end([errors('1', READ_A, 5, [100, 0])]);
      reshape();
    });
    assert.deepEqual([valuesOf(data), startsOf(data)], [{ 'op=read': 12 }, { 'op=read': [100, 0] }]);
  });

  test('keeps the one series of a plain stream, even when nothing is left of its members', async () => {
    const { registry, source } = registryOf(PLAIN);
    const producer = createProducer(registry, { temporality: CUMULATIVE });
    source.samples = [errors('1', READ_A, 5)];
    const before = startsOf(named(await collect(producer), ERRORS.name));
    source.samples = [];
    registry.end([errors('1', READ_A, 6)]);
    registry.reshape(viewOptions([PLAIN]));
    const data = named(await collect(producer), ERRORS.name);
    assert.deepEqual([valuesOf(data), startsOf(data)], [{ '': 6 }, before]);
  });

  test('begins a series with other labels with what its living members have counted', async () => {
    const data = await reshaped([BY_OP], [PLAIN], ({ registry, source }, reshape) => {
      source.samples = [errors('2', READ_B, 7)];
      registry.end([errors('1', READ_A, 5)]);
      reshape();
    });
    assert.deepEqual(valuesOf(data), { '': 7 });
  });

  test('adds to a series that stays only what its new members count from then on', async () => {
    const limitedTo = (limit: number) => view(ERRORS, { aggregation_cardinality_limit: limit });
    const [b, c] = [errors('2', READ_B, 7), errors('3', { op: 'read', cgroup: '/c' }, 1)];
    const data = await reshaped([limitedTo(3)], [limitedTo(2)], ({ registry, source }, reshape) => {
      source.samples = [errors('1', READ_A, 5), b, c];
      registry.refresh();
      reshape();
      source.samples = [errors('1', READ_A, 5), errors('2', READ_B, 9), c];
    });
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,op=read': 5, 'otel.metric.overflow=true': 3 });
  });

  test('tells apart again what a filter had added up, from their beginning', async () => {
    const data = await reshaped([PLAIN], [], (_, reshape) => reshape());
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,op=read': 5, 'cgroup=/b,op=read': 7 });
    assert.deepEqual(startsOf(data), { 'cgroup=/a,op=read': [100, 0], 'cgroup=/b,op=read': [200, 0] });
  });

  test('to another name goes on under that name', async () => {
    const to = view(ERRORS, { name: 'renamed_total', attribute_keys: { included: [] } });
    const data = await reshaped([PLAIN], [to], ({ registry, source }, reshape) => {
      source.samples = [errors('2', READ_B, 7)];
      registry.end([errors('1', READ_A, 5)]);
      reshape();
    });
    assert.deepEqual(valuesOf(data), { '': 12 });
  });

  test('that drops a metric, and one that brings it back, lose nothing of members that live', async () => {
    const data = await reshaped([view(ERRORS, { aggregation: { drop: {} } })], [], (_, reshape) => reshape());
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,op=read': 5, 'cgroup=/b,op=read': 7 });
  });

  test('that drops a metric ends it', async () => {
    const { registry } = registryOf();
    registry.reshape(viewOptions([view(ERRORS, { aggregation: { drop: {} } })]));
    const metrics = await collect(createProducer(registry, { temporality: CUMULATIVE }));
    assert.deepEqual(
      metrics.map(({ descriptor }) => descriptor.name),
      [LATENCY.name],
    );
  });

  test('leaves those in a limit a series of their own that had one', async () => {
    const limited = view(ERRORS, { aggregation_cardinality_limit: 2 });
    const data = await reshaped([limited], [limited], ({ source }, reshape) => {
      source.samples = source.samples.toReversed();
      reshape();
    });
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,op=read': 5, 'otel.metric.overflow=true': 7 });
  });

  test('keeps the overflow series of a limit with what it holds of the dead', async () => {
    const limited = view(ERRORS, { aggregation_cardinality_limit: 2 });
    const data = await reshaped([limited], [limited], ({ registry, source }, reshape) => {
      source.samples = [errors('1', READ_A, 5)];
      registry.end([errors('2', READ_B, 8)]);
      reshape();
    });
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,op=read': 5, 'otel.metric.overflow=true': 8 });
  });

  test('gives a histogram other buckets, and keeps all that it counted', async () => {
    const { registry, source } = registryOf();
    const producer = createProducer(registry, { temporality: CUMULATIVE });
    const plain = view(LATENCY, { attribute_keys: { included: [] } });
    registry.reshape(viewOptions([plain]));
    source.samples = [latencies('2', { cgroup: '/b' }, 9000, [1, 1, 1, 1, 1])];
    registry.end([latencies('1', { cgroup: '/a' }, 5000, [1, 2, 3, 4, 5])]);
    const { stream } = plain;
    const other = { ...stream, aggregation: { explicit_bucket_histogram: { boundaries: [2, 8] } } };
    registry.reshape(viewOptions([view(LATENCY, other)]));
    const data = named(await collect(producer), LATENCY.name);
    assert.ok(data.dataPointType === DataPointType.HISTOGRAM);
    assert.deepEqual(data.dataPoints[0]?.value, {
      sum: 14,
      count: 20,
      buckets: { boundaries: [2, 8], counts: [5, 9, 6] },
    });
  });

  test('gives histograms other default bounds', async () => {
    const registry = new MetricRegistry([]);
    const source = new FakeSource();
    const grid = { ...GRID, defaultBounds: GRID_US };
    registry.addSource(source, grid);
    source.samples = [latencies('1', { cgroup: '/a' }, 0, [1, 2, 3, 4, 5])];
    grid.defaultBounds = [4];
    registry.reshape([]);
    const data = named(await collect(createProducer(registry, { temporality: CUMULATIVE })), LATENCY.name);
    assert.ok(data.dataPointType === DataPointType.HISTOGRAM);
    assert.deepEqual(data.dataPoints[0]?.value.buckets, { boundaries: [4], counts: [6, 9] });
  });

  test('and names that containers have got since: their series begin, with all counts, and the old ones end', async () => {
    const named = { ...READ_A, 'container.name': 'web' };
    const data = await reshaped([], [], ({ registry, source }, reshape) => {
      source.samples = [errors('1', named, 6, [100, 0]), errors('2', READ_B, 7, [200, 0])];
      registry.refresh();
      reshape();
    });
    assert.deepEqual(valuesOf(data), { 'cgroup=/a,container.name=web,op=read': 6, 'cgroup=/b,op=read': 7 });
  });
});

suite('a reader with delta temporality, whose place another one takes with a change of views,', () => {
  test('and that one have everything once', async () => {
    const { registry, source } = registryOf();
    const first = createProducer(registry, { temporality: DELTA });
    source.samples = [errors('1', READ_A, 5), errors('2', READ_B, 7)];
    const seen = [named(await collect(first), ERRORS.name)];
    source.samples = [errors('1', READ_A, 6)];
    registry.end([errors('2', READ_B, 8)]);
    const second = createProducer(registry, { temporality: DELTA });
    registry.refresh();
    first.finish();
    registry.reshape(viewOptions([BY_OP]));
    second.takeOver();
    source.samples = [errors('1', READ_A, 10)];
    for (const producer of [first, second, second]) seen.push(named(await collect(producer), ERRORS.name));
    assert.deepEqual(seen.map(valuesOf), [
      { 'cgroup=/a,op=read': 5, 'cgroup=/b,op=read': 7 },
      { 'cgroup=/a,op=read': 1, 'cgroup=/b,op=read': 1 },
      { 'op=read': 4 },
      {},
    ]);
  });

  test('leaves nothing that listens for the ends of series', async () => {
    const { registry, source } = registryOf();
    const first = createProducer(registry, { temporality: DELTA });
    first.finish();
    source.samples = [errors('1', READ_A, 5)];
    registry.refresh();
    registry.end([errors('1', READ_A, 5)]);
    const { resourceMetrics } = await first.collect();
    assert.deepEqual(
      resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics.map(({ dataPoints }) => dataPoints.length)),
      [0, 0],
    );
  });
});

suite("Floatie's own metrics beside the kernel's", () => {
  const setUp = () => {
    const registry = new MetricRegistry([]);
    return { registry, observe: sourcesOf(registry), producer: createProducer(registry, { temporality: CUMULATIVE }) };
  };

  test('have the value that is true when somebody collects, and keep their start time over a change of views', async () => {
    const { registry, observe, producer } = setUp();
    let value = 1;
    observe(selfMetrics.collectErrors, (report) => report(value));
    const before = named(await collect(producer), selfMetrics.collectErrors.name);
    registry.reshape([]);
    value = 3;
    const after = named(await collect(producer), selfMetrics.collectErrors.name);
    assert.deepEqual([valuesOf(before), valuesOf(after)], [{ '': 1 }, { '': 3 }]);
    assert.deepEqual(startsOf(before), startsOf(after));
  });

  test('can come from several sources', async () => {
    const { observe, producer } = setUp();
    observe(selfMetrics.eventsLost, (report) => report(1, { probe: 'oom' }));
    observe(selfMetrics.eventsLost, (report) => report(2, { probe: 'overlayfs' }));
    const data = named(await collect(producer), selfMetrics.eventsLost.name);
    assert.deepEqual(valuesOf(data), { 'probe=oom': 1, 'probe=overlayfs': 2 });
  });

  test('are absent where there is no value, and never 0', async () => {
    const { observe, producer } = setUp();
    observe(selfMetrics.otlpDropped, () => undefined);
    assert.deepEqual(named(await collect(producer), selfMetrics.otlpDropped.name).dataPoints, []);
  });
});
