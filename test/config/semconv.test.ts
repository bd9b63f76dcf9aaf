/** config/semconv.yaml gives the names and units of OpenTelemetry's conventions, and changes no count. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AggregationTemporality, type Histogram } from '@opentelemetry/sdk-metrics';
import { load } from '../../src/config/load.ts';
import { viewOptions } from '../../src/config/view-options.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { collect, errors, latencies, named, registryWith } from '../metrics/counts.ts';

const { config } = load({ file: fileURLToPath(new URL('../../config/semconv.yaml', import.meta.url)), env: {} });

suite('config/semconv.yaml', () => {
  const exponential = { maxScale: 3, maxSize: 160 };
  for (const [form, more] of [
    ['explicit', {}],
    ['exponential', { exponential }],
  ] as const) {
    test(`has durations in seconds, with the bounds and counts of microseconds, also where others are ${form}`, async () => {
      const { actions } = config.processors['attributes/semconv' as 'attributes'];
      const { registry, source } = registryWith(viewOptions(config.views, actions));
      source.samples = [
        latencies('1', { cgroup: '/a' }, 1_234_567, [1, 2, 3, 4, 5]),
        errors('2', { cgroup: '/a', op: 'read', error_type: 'EIO' }, 7),
      ];
      const all = await collect(createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE, ...more }));
      const { descriptor, dataPoints } = named(all, 'floatie.overlayfs.read.duration');
      assert.equal(descriptor.unit, 's');
      const [{ value } = assert.fail('no point')] = dataPoints;
      const { sum, count, buckets } = value as Histogram;
      assert.deepEqual([sum, count], [0.001234567, 15]);
      assert.deepEqual(buckets, { boundaries: [1e-6, 2e-6, 4e-6, 8e-6], counts: [1, 2, 3, 4, 5] });
      assert.deepEqual(
        named(all, 'floatie.overlayfs.errors').dataPoints.map(({ attributes, value }) => [attributes, value]),
        [[{ cgroup: '/a', op: 'read', 'error.type': 'EIO' }, 7]],
      );
    });
  }

  test('gives each container a resource of its own', () => {
    assert.deepEqual(
      [config.exporters.otlp, config.exporters.otlphttp].map(({ resource_per_container }) => resource_per_container),
      [true, true],
    );
  });
});
