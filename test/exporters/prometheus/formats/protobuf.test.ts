import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { ByteWriter } from '../../../../src/exporters/prometheus/formats/byte-writer.ts';
import { Document } from '../../../../src/exporters/prometheus/formats/document.ts';
import type { ScrapedHistogram } from '../../../../src/exporters/prometheus/formats/exemplars.ts';
import {
  PROTOBUF,
  PROTOBUF_WITH_CLASSIC,
  PUBLIC_PROTOBUF,
} from '../../../../src/exporters/prometheus/formats/protobuf.ts';
import { chunksOf, collections, stockText } from '../../../support/collections.ts';
import {
  collection,
  counter,
  END,
  exemplar,
  exponential,
  gauge,
  histogram,
  START,
} from '../../../support/metric-data.ts';
import {
  decodeFamilies,
  type FamilyMessage,
  type HistogramMessage,
  nativeCounts,
} from '../../../support/metric-families.ts';

function bytesOf(metrics: MetricData[], withClassic = false): Buffer {
  return Buffer.concat(chunksOf(withClassic ? PROTOBUF_WITH_CLASSIC : PROTOBUF, collection(metrics)));
}

function familiesOf(metrics: MetricData[], withClassic = false): FamilyMessage[] {
  return decodeFamilies(bytesOf(metrics, withClassic)).filter(({ name }) => name !== 'target_info');
}

function histogramOf(value: ScrapedHistogram, withClassic = false): HistogramMessage {
  const [family] = familiesOf([histogram('latency_us', [{ value }])], withClassic);
  return family?.metric[0]?.histogram as HistogramMessage;
}

/** Of three samples: below 1, between 1 and 10, and above. */
const classic = { sum: 105.5, count: 3, buckets: { boundaries: [1, 10], counts: [1, 0, 2] } };
const CREATED = { seconds: START[0], nanos: START[1] };

suite('the protobuf format', () => {
  test('has the same bytes when lengths are measured before, while everything else has its turn', async () => {
    const metrics = collection([
      gauge(
        'one',
        Array.from({ length: 50_000 }, (_, value) => ({ value })),
      ),
    ]);
    const document = new Document(PROTOBUF, metrics);
    const others: string[] = [];
    setImmediate(() => others.push('another request'));
    await document.prepare();
    assert.deepEqual(others, ['another request']);
    assert.deepEqual(document.chunk(0), chunksOf(PROTOBUF, metrics)[0]);
  });

  test('has the resource as labels of target_info, before everything else', () => {
    const [info] = decodeFamilies(bytesOf([gauge('one', [{ value: 1 }])]));
    assert.deepEqual(info, {
      name: 'target_info',
      help: 'Target metadata',
      type: 'GAUGE',
      metric: [{ label: [{ name: 'service_name', value: 'floatie' }], gauge: { value: 1 } }],
    });
  });

  test('has a family for each metric, and in it a metric for each point', () => {
    const points = [
      { attributes: { 'container.id': 'ä\n"\\', scope: 'host' }, value: 0.5 },
      { attributes: {}, value: Number.NEGATIVE_INFINITY },
    ];
    assert.deepEqual(familiesOf([gauge('score', points)]), [
      {
        name: 'score',
        help: 'What score is',
        type: 'GAUGE',
        metric: [
          {
            label: [
              { name: 'container_id', value: 'ä\n"\\' },
              { name: 'scope', value: 'host' },
            ],
            gauge: { value: 0.5 },
          },
          { label: [], gauge: { value: Number.NEGATIVE_INFINITY } },
        ],
      },
    ]);
  });

  test('says since when a counter and a histogram count', () => {
    const [kills, latency] = familiesOf([
      counter('kills_total', [{ value: 3 }]),
      histogram('latency_us', [{ value: classic }]),
    ]);
    assert.deepEqual(kills?.metric[0]?.counter, { value: 3, createdTimestamp: CREATED });
    assert.deepEqual(latency?.metric[0]?.histogram?.createdTimestamp, CREATED);
  });

  test('does not say when a point began that is known only since its end', () => {
    const [kills] = familiesOf([counter('kills_total', [{ startTime: END, value: 3 }])]);
    assert.deepEqual(kills?.metric[0]?.counter, { value: 3 });
  });

  test('has the unit where the name ends in it, as Prometheus demands', () => {
    const units = familiesOf([
      histogram('latency_us', [{ value: classic }], 'us'),
      counter('wait_seconds_total', [{ value: 1 }], 'seconds'),
      counter('cpu_seconds_total', [{ value: 1 }], 's'),
      gauge('us', [{ value: 1 }], 'us'),
    ]).map(({ unit }) => unit);
    assert.deepEqual(units, ['us', 'seconds', undefined, undefined]);
  });

  test('has no family for a metric without points', () => {
    assert.deepEqual(familiesOf([counter('kills_total', [])]), []);
  });

  test('has names, labels and counts of any size', () => {
    const long = 'x'.repeat(300_000);
    const [family] = familiesOf([counter('big_total', [{ attributes: { long }, value: 1 }])]);
    assert.equal(family?.metric[0]?.label[0]?.value, long);
    for (const count of [0, 127, 128, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      assert.equal(histogramOf({ ...classic, count }).sampleCount, count);
    }
  });

  test('has as many points as the plain text, whatever the collection has', () => {
    fc.assert(
      fc.property(collections, (collection) => {
        const families = decodeFamilies(Buffer.concat(chunksOf(PROTOBUF, collection)));
        const lines = stockText(collection)
          .split('\n')
          .filter((line) => /^[^#]/.test(line) && !/_(bucket|sum)\b.* /.test(line));
        assert.equal(families.flatMap(({ metric }) => metric).length, lines.length);
      }),
    );
  });

  test('is the same in whatever order its pieces are written', () => {
    const metrics = [
      counter('kills_total', [{ value: 1 }, { attributes: { a: 'b' }, value: 2 }]),
      gauge('score', [{ value: 1 }]),
    ];
    const pieces = [...PROTOBUF.sections(collection(metrics))].flatMap(({ pieces, write }) =>
      Array.from({ length: pieces }, (_, piece) => () => {
        const out = new ByteWriter(16);
        write(out, piece);
        return out.take();
      }),
    );
    const backwards = pieces.toReversed().map((write) => write());
    assert.deepEqual(Buffer.concat(backwards.toReversed()), bytesOf(metrics));
  });
});

suite('a histogram in the protobuf format', () => {
  test('has cumulative buckets where it has no exponential ones', () => {
    const { sampleCount, sampleSum, bucket, schema, positiveSpan } = histogramOf(classic);
    assert.deepEqual([sampleCount, sampleSum], [3, 105.5]);
    assert.deepEqual(bucket, [
      { cumulativeCount: 1, upperBound: 1 },
      { cumulativeCount: 1, upperBound: 10 },
    ]);
    assert.deepEqual([schema, positiveSpan], [undefined, []]);
  });

  test('has exponential buckets instead, or both if that is wanted', () => {
    const value = { ...classic, exponential: exponential(3, -8, [1, 0, 2]) };
    assert.deepEqual([histogramOf(value).bucket.length, histogramOf(value, true).bucket.length], [0, 2]);
    for (const withClassic of [false, true]) {
      const native = histogramOf(value, withClassic);
      assert.deepEqual(
        [native.schema, nativeCounts(native)],
        [
          3,
          new Map([
            [-7, 1],
            [-5, 2],
          ]),
        ],
      );
    }
  });

  // OpenTelemetry's bucket 0 is (1, 2] at scale 0. Prometheus' bucket with that bound of 2 is 1.
  const rows: [title: string, offset: number, counts: number[]][] = [
    ['one bucket', 0, [5]],
    ['a first bucket below 1', -200, [1, 2, 3]],
    ['a first bucket far above 1', 300, [1, 2, 3]],
    ['counts that fall', 4, [9, 5, 1]],
    ['empty buckets at its ends', 4, [0, 0, 7, 0, 0, 0]],
    ['a gap that takes less than a span', 0, [300, 0, 0, 0, 0, 300]],
    ['a gap that takes more than a span', 0, [300, 0, 0, 0, 0, 0, 300]],
    ['large counts', -1, [2 ** 51, 1, 2 ** 51]],
    ['every second bucket', -128, Array.from({ length: 256 }, (_, at) => (at % 2) * (at + 1))],
  ];
  for (const [title, offset, counts] of rows) {
    test(`has each count where it belongs: ${title}`, () => {
      const expected = new Map(counts.flatMap((count, at) => (count > 0 ? [[offset + at + 1, count] as const] : [])));
      assert.deepEqual(
        nativeCounts(histogramOf({ ...classic, exponential: exponential(0, offset, counts) })),
        expected,
      );
    });
  }

  test('has a span of nothing while there are no samples, by which Prometheus knows that it is native', () => {
    const { positiveSpan, positiveDelta, schema } = histogramOf({ ...classic, exponential: exponential(3, 0, []) });
    assert.deepEqual(
      { positiveSpan, positiveDelta, schema },
      { positiveSpan: [{ offset: 0, length: 0 }], positiveDelta: [], schema: 3 },
    );
  });

  test('has the number of zeros', () => {
    assert.equal(histogramOf({ ...classic, exponential: { ...exponential(3, 0, [1]), zeroCount: 4 } }).zeroCount, 4);
  });

  test('has its exemplars, in their order', () => {
    const exemplars = [1, 2].map(exemplar);
    const written = histogramOf({ ...classic, exponential: exponential(3, 0, [1]), exemplars }).exemplars;
    assert.deepEqual(written, [1, 2].map(exemplarMessage));
  });
});

suite('a classic histogram', () => {
  test('has the latest exemplar of each bucket there, also above the last bound', () => {
    const exemplars = [0.5, 1, 11, 12].map(exemplar);
    const { bucket, exemplars: others } = histogramOf({ ...classic, exemplars });
    assert.deepEqual(bucket, [
      { cumulativeCount: 1, upperBound: 1, exemplar: exemplarMessage(1) },
      { cumulativeCount: 1, upperBound: 10 },
      { cumulativeCount: 3, upperBound: Number.POSITIVE_INFINITY, exemplar: exemplarMessage(12) },
    ]);
    assert.deepEqual(others, []);
  });

  test('has exemplars beside those of a native one', () => {
    const value = { ...classic, exponential: exponential(3, 0, [1]), exemplars: [exemplar(1)] };
    const both = histogramOf(value, true);
    assert.deepEqual([both.exemplars, both.bucket[0]?.exemplar], [[exemplarMessage(1)], exemplarMessage(1)]);
  });

  test('for anyone has exemplars with what anyone may read', () => {
    const value: ScrapedHistogram = { ...classic, exemplars: [exemplar(1)] };
    const metrics = collection([histogram('latency_us', [{ value }])]);
    const [, family] = decodeFamilies(Buffer.concat(chunksOf(PUBLIC_PROTOBUF, metrics)));
    const { label } = family?.metric[0]?.histogram?.bucket[0]?.exemplar ?? {};
    assert.deepEqual(label, [{ name: 'cause', value: 'device' }]);
  });
});

function exemplarMessage(value: number): object {
  const label = [
    { name: 'path', value: `/file-${value}` },
    { name: 'cause', value: 'device' },
  ];
  return { label, value, timestamp: { seconds: END[0], nanos: 0 } };
}
