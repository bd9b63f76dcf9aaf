/** Collections for the formats of scrapes, and what OpenTelemetry's own serializer makes of them. */
import { type Attributes, ValueType } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import type { Body } from '../../src/exporters/prometheus/bodies.ts';
import { Document } from '../../src/exporters/prometheus/formats/document.ts';
import type { Format } from '../../src/exporters/prometheus/formats/format.ts';
import { labelsOf } from '../../src/metrics/labels.ts';

/** The text as OpenTelemetry writes it: Floatie makes label names valid and distinct before. */
export function stockText({ resource, scopeMetrics }: ResourceMetrics): string {
  const labelled = scopeMetrics.map(({ scope, metrics }) => ({
    scope,
    metrics: metrics.map((metric) => {
      const dataPoints = metric.dataPoints.map((point) => ({ ...point, attributes: labelsOf(point.attributes) }));
      return { ...metric, dataPoints } as MetricData;
    }),
  }));
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const resourceLabels = resourceFromAttributes(labelsOf(resource.attributes));
  return serializer.serialize({ resource: resourceLabels, scopeMetrics: labelled });
}

/** All chunks of a collection in a format. */
export function chunksOf(format: Format, collection: ResourceMetrics): Buffer[] {
  const document = new Document(format, collection);
  const chunks: Buffer[] = [];
  for (let chunk = document.chunk(0); chunk !== null; chunk = document.chunk(chunks.length)) chunks.push(chunk);
  return chunks;
}

/** What a client gets that names no format and no encoding. */
export async function plainText(body: Body): Promise<string> {
  const { chunks } = body.contentFor({}, () => undefined);
  const all: Buffer[] = [];
  for (let chunk = await chunks.chunk(0); chunk !== null; chunk = await chunks.chunk(all.length)) all.push(chunk);
  return Buffer.concat(all).toString();
}

/** A node with this many containers, each of which reads and writes: 44 lines for each. */
export function nodeOf(containers: number): ResourceMetrics {
  const boundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7];
  const attributes = Array.from({ length: containers }, (_, at): Attributes => {
    const id = (at + 1).toString(16).padStart(64, 'c0ffee');
    return { cgroup: `/libpod_parent/libpod-${id}`, container_id: id };
  });
  const time: [number, number] = [1_700_000_000, 0];
  const points = <T>(of: (at: number) => T) =>
    attributes.map((attributes, at) => ({
      attributes: { ...attributes },
      startTime: time,
      endTime: time,
      value: of(at),
    }));
  const descriptorOf = (name: string, unit: string) => ({
    name,
    description: `What ${name} is`,
    unit,
    valueType: ValueType.DOUBLE,
  });
  const aggregationTemporality = AggregationTemporality.CUMULATIVE;
  const metrics: MetricData[] = [
    ...['floatie_overlayfs_read_latency_us', 'floatie_overlayfs_write_latency_us'].map(
      (name): MetricData => ({
        descriptor: descriptorOf(name, 'us'),
        aggregationTemporality,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: points((at): Histogram => {
          const counts = Array.from(
            { length: boundaries.length + 1 },
            (_, bucket) => (at * 7919 + bucket * 104729) % 1e5,
          );
          const count = counts.reduce((sum, one) => sum + one, 0);
          return { sum: count * 3.217, count, buckets: { boundaries, counts } };
        }),
      }),
    ),
    ...['floatie_memory_pressure_score', 'floatie_memory_headroom_bytes'].map(
      (name, index): MetricData => ({
        descriptor: descriptorOf(name, ''),
        aggregationTemporality,
        dataPointType: DataPointType.GAUGE,
        dataPoints: points((at) => (index === 0 ? at / 97 : at * 4096)),
      }),
    ),
  ];
  const resource = resourceFromAttributes({ 'service.name': 'floatie', 'host.name': 'node' });
  return { resource, scopeMetrics: [{ scope: { name: 'floatie' }, metrics }] };
}

const words = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'le',
    'quantile',
    'host.name',
    'host_name',
    '1st',
    '"quoted"',
    'a\nb',
    '\\',
    '\\n',
    '\ud800',
    '🦆',
    'é',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const numbers = fc.oneof(
  fc.constantFrom(0, -0, 1, 9, 10, 999_999_999, 1e9, 1_000_000_001, 2 ** 31, 2 ** 53, 1e21, 1e-7, Number.NaN),
  fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 85_533.947, -1),
  fc.maxSafeNat(),
  fc.double(),
);
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(
  words,
  fc.oneof(words, words, fc.boolean(), fc.integer(), fc.array(words, { maxLength: 2 })),
  { maxKeys: 4, noNullPrototype: true },
);
const names = fc.oneof(
  fc.constantFrom('a', 'a_total', 'b.c', 'b__c', 'target_info', '1', '_', '', 'floatie_oom_kills_total', 'a\nb'),
  fc.string({ maxLength: 6 }),
);
const boundaries = fc.oneof(
  fc.constantFrom<number[]>([], [1], [1, 2.5, 1e21], [5, Number.POSITIVE_INFINITY], [-1, 0, 1e-7]),
  fc
    .uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 5 })
    .map((all) => all.sort((a, b) => a - b)),
);
const histograms: fc.Arbitrary<Histogram> = boundaries.chain((boundaries) =>
  fc.record({
    sum: fc.option(numbers, { nil: undefined }),
    count: fc.maxSafeNat(),
    buckets: fc.record({
      boundaries: fc.constant(boundaries),
      counts: fc.array(fc.nat(), { minLength: boundaries.length + 1, maxLength: boundaries.length + 1 }),
    }),
  }),
) as fc.Arbitrary<Histogram>;

const kinds = [
  { type: DataPointType.SUM, value: numbers, isMonotonic: true },
  { type: DataPointType.SUM, value: numbers, isMonotonic: false },
  { type: DataPointType.GAUGE, value: numbers },
  { type: DataPointType.HISTOGRAM, value: histograms },
];

const metrics: fc.Arbitrary<MetricData> = fc.constantFrom(...kinds).chain(({ type, value, isMonotonic }) =>
  fc
    .record({
      name: names,
      description: words,
      unit: fc.oneof(fc.constantFrom('', 'us'), words),
      points: fc.array(fc.record({ attributes, value: value as fc.Arbitrary<unknown> }), { maxLength: 4 }),
    })
    .map(({ points, ...descriptor }) => {
      const time: [number, number] = [0, 0];
      return {
        descriptor: { ...descriptor, valueType: ValueType.DOUBLE },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPointType: type,
        ...(isMonotonic !== undefined && { isMonotonic }),
        dataPoints: points.map((point) => ({ ...point, startTime: time, endTime: time })),
      } as MetricData;
    }),
);

/** Whatever a collection may have, and more. */
export const collections: fc.Arbitrary<ResourceMetrics> = fc
  .record({ resource: attributes, scopes: fc.array(fc.array(metrics, { maxLength: 5 }), { maxLength: 3 }) })
  .map(({ resource, scopes }) => ({
    resource: resourceFromAttributes(resource),
    scopeMetrics: scopes.map((metrics, at) => ({ scope: { name: `scope ${at}`, version: '1' }, metrics })),
  }));
