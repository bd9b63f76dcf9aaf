import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import { ValueType } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, MeterProvider, type MetricData } from '@opentelemetry/sdk-metrics';
import { createDebugReader, describe } from '../../src/exporters/debug.ts';

const common = {
  descriptor: { name: 'test_us', description: '', unit: '', valueType: ValueType.DOUBLE },
  aggregationTemporality: AggregationTemporality.CUMULATIVE,
};
const times = { startTime: [0, 0], endTime: [0, 0] } as { startTime: [number, number]; endTime: [number, number] };

suite('a detailed line', () => {
  const rows: [string, MetricData, string][] = [
    [
      'of a gauge is its value',
      { ...common, dataPointType: DataPointType.GAUGE, dataPoints: [{ ...times, attributes: {}, value: 1.5 }] },
      'test_us 1.5\n',
    ],
    [
      'of a counter has its attributes',
      {
        ...common,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: [{ ...times, attributes: { 'container.id': 'a"b\n', n: 1 }, value: 2 }],
      },
      'test_us{container.id="a\\"b\\n",n=1} 2\n',
    ],
    [
      'of a histogram has the buckets that hold something',
      {
        ...common,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: [
          {
            ...times,
            attributes: {},
            value: { count: 6, sum: 21.5, buckets: { boundaries: [1, 2, 4], counts: [1, 0, 2, 3] } },
          },
        ],
      },
      'test_us count=6 sum=21.5 (0,1]=1 (2,4]=2 (4,+Inf]=3\n',
    ],
  ];
  for (const [name, metric, expected] of rows) test(name, () => assert.equal(describe([metric]), expected));
});

suite('the debug exporter', () => {
  for (const [verbosity, expected] of [
    ['basic', 'metrics: 1, points: 2\n'],
    ['detailed', 'test_total{op="read"} 1\ntest_total{op="write"} 2\n'],
  ] as const) {
    test(`writes to standard output, ${verbosity}`, async () => {
      const outcomes: (Error | null)[] = [];
      const onExport = (error: Error | null): number => outcomes.push(error);
      const reader = createDebugReader({ verbosity, intervalMs: 60_000, producers: [], onExport });
      const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test_total');
      counter.add(1, { op: 'read' });
      counter.add(2, { op: 'write' });
      const write = mock.method(process.stdout, 'write', (_: string, done: () => void) => done());
      await reader.forceFlush();
      write.mock.restore();
      assert.equal(write.mock.calls[0]?.arguments[0], expected);
      assert.deepEqual(outcomes, [null]);
      const silent = mock.method(process.stdout, 'write', (_: string, done: () => void) => done());
      await reader.shutdown();
      silent.mock.restore();
    });
  }
});
