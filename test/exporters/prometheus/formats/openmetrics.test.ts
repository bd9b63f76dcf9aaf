import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { ScrapedHistogram } from '../../../../src/exporters/prometheus/formats/exemplars.ts';
import {
  boundText,
  OPENMETRICS,
  PUBLIC_OPENMETRICS,
} from '../../../../src/exporters/prometheus/formats/openmetrics.ts';
import { chunksOf } from '../../../support/collections.ts';
import { collection, counter, exemplar, gauge, histogram } from '../../../support/metric-data.ts';

function textOf(...metrics: MetricData[]): string[] {
  const text = Buffer.concat(chunksOf(OPENMETRICS, collection(metrics))).toString();
  assert.ok(text.endsWith('\n'));
  return text.slice(0, -1).split('\n').slice(3);
}

const classic = { sum: 105.5, count: 3, buckets: { boundaries: [1, 2.5], counts: [1, 0, 2] } };

suite('OpenMetrics', () => {
  test('has the resource as the info "target", and ends with EOF', () => {
    const text = Buffer.concat(chunksOf(OPENMETRICS, collection([]))).toString();
    const lines = [
      '# HELP target Target metadata',
      '# TYPE target info',
      'target_info{service_name="floatie"} 1',
      '# EOF',
    ];
    assert.equal(text, `${lines.join('\n')}\n`);
  });

  test('has counters without _total in their family, and no series for their start', () => {
    assert.deepEqual(textOf(counter('kills_total', [{ attributes: { scope: 'host' }, value: 3 }])), [
      '# HELP kills What kills_total is',
      '# TYPE kills counter',
      'kills_total{scope="host"} 3',
      '# EOF',
    ]);
  });

  test('has bounds with a point', () => {
    assert.deepEqual(textOf(histogram('latency_us', [{ value: classic }], 'us')), [
      '# HELP latency_us What latency_us is',
      '# UNIT latency_us us',
      '# TYPE latency_us histogram',
      'latency_us_count 3',
      'latency_us_sum 105.5',
      'latency_us_bucket{le="1.0"} 1',
      'latency_us_bucket{le="2.5"} 1',
      'latency_us_bucket{le="+Inf"} 3',
      '# EOF',
    ]);
  });

  test('has the latest exemplar of a bucket behind its value, with what its reader may see', () => {
    const value: ScrapedHistogram = { ...classic, exemplars: [2.6, 100.25].map(exemplar) };
    const metrics = collection([histogram('latency_us', [{ value }])]);
    const examples = [OPENMETRICS, PUBLIC_OPENMETRICS].map((format) => {
      const text = Buffer.concat(chunksOf(format, metrics)).toString();
      return text.split('\n').filter((line) => line.includes(' # '));
    });
    const line = (labels: string) => `latency_us_bucket{le="+Inf"} 3 # {${labels}} 100.25 1700000060.000`;
    assert.deepEqual(examples, [[line('path="/file-100.25",cause="device"')], [line('cause="device"')]]);
  });

  test('has only units in which the name ends', () => {
    const lines = textOf(
      counter('cpu_seconds_total', [], 's'),
      counter('wait_seconds_total', [], 'seconds'),
      gauge('us', [], 'us'),
    );
    assert.deepEqual(
      lines.filter((line) => line.startsWith('# UNIT')),
      ['# UNIT wait_seconds seconds'],
    );
  });

  test('escapes what a description has', () => {
    const metric = gauge('score', []);
    const descriptor = { ...metric.descriptor, description: 'a "b"\\\n' };
    assert.equal(textOf({ ...metric, descriptor })[0], '# HELP score a \\"b\\"\\\\\\n');
  });
});

suite('a bound in OpenMetrics', () => {
  // As Go's strconv.FormatFloat(bound, 'g', -1, 64) has them, which Prometheus uses, with a point.
  const rows: [bound: number, text: string][] = [
    [0, '0.0'],
    [1, '1.0'],
    [2.5, '2.5'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [524_288, '524288.0'],
    [999_999.5, '999999.5'],
    [1_000_000, '1e+06'],
    [1_048_576, '1.048576e+06'],
    [-2, '-2.0'],
    [1e100, '1e+100'],
  ];
  for (const [bound, text] of rows) test(`of ${bound} is ${text}`, () => assert.equal(boundText(bound), text));
});
