/** A collector that refuses, for each reason that OTLP knows. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createOtlpReader } from '../../../src/exporters/otlp/grpc.ts';
import { eventually } from '../../support/eventually.ts';
import { startRefusingCollector } from '../../support/refusing-collector.ts';

function start(endpoint: string, intervalMs: number) {
  const outcomes: (Error | null)[] = [];
  const reader = createOtlpReader({
    endpoint,
    intervalMs,
    timeoutMs: 1000,
    producers: [],
    onExport: (error) => outcomes.push(error),
  });
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test');
  counter.add(1);
  return { outcomes, reader, [Symbol.asyncDispose]: () => reader.shutdown() };
}

suite('a collector that is', () => {
  test('unavailable for a moment has the metrics long before the next export is due', async () => {
    await using collector = await startRefusingCollector();
    await using exporter = start(collector.endpoint, 3_600_000);
    collector.refuse = status.UNAVAILABLE;
    await exporter.reader.forceFlush();
    assert.equal(exporter.outcomes.length, 1);
    collector.refuse = null;
    await eventually('they have arrived', () => collector.taken > 0);
    await eventually('it is told', () => exporter.outcomes.at(-1) === null);
  });

  test('exhausted is left alone until the next export, which arrives', async () => {
    await using collector = await startRefusingCollector();
    await using exporter = start(collector.endpoint, 2000);
    collector.refuse = status.RESOURCE_EXHAUSTED;
    await eventually('two have failed', () => exporter.outcomes.length >= 2);
    assert.match(exporter.outcomes[0]?.message ?? '', /RESOURCE_EXHAUSTED/);
    collector.refuse = null;
    await eventually('one has arrived', () => collector.taken > 0);
  });
});
