/** A collector that refuses, for each reason that OTLP knows; its server is gRPC's own. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createOtlpReader } from '../../src/exporters/otlp.ts';
import { eventually } from '../support/eventually.ts';

interface Refusing extends AsyncDisposable {
  readonly endpoint: string;
  /** What every export gets from now on; null: it is taken. */
  refuse: status | null;
  taken: number;
}

async function startRefusing(): Promise<Refusing> {
  const server = new Server();
  const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
  const path = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  } as const;
  const collector: Refusing = {
    endpoint: '',
    refuse: null,
    taken: 0,
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
  server.addService(
    { Export: method },
    {
      Export: (_call: unknown, done: (error: object | null, answer?: Buffer) => void) => {
        if (collector.refuse !== null) return done({ code: collector.refuse, details: 'no' });
        collector.taken++;
        done(null, Buffer.alloc(0));
      },
    },
  );
  const bind = promisify(server.bindAsync.bind(server));
  const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
  return Object.assign(collector, { endpoint: `http://127.0.0.1:${port}` });
}

function start(endpoint: string, intervalMs: number) {
  const outcomes: (Error | null)[] = [];
  const reader = createOtlpReader({
    endpoint,
    intervalMs,
    timeoutMs: 1000,
    temporality: 'cumulative',
    producers: [],
    onExport: (error) => outcomes.push(error),
  });
  const counter = new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test');
  counter.add(1);
  return { outcomes, reader, [Symbol.asyncDispose]: () => reader.shutdown() };
}

suite('a collector that is', () => {
  test('unavailable for a moment has the metrics long before the next export is due', async () => {
    await using collector = await startRefusing();
    await using exporter = start(collector.endpoint, 3_600_000);
    collector.refuse = status.UNAVAILABLE;
    await exporter.reader.forceFlush();
    assert.equal(exporter.outcomes.length, 1);
    collector.refuse = null;
    await eventually('they have arrived', () => collector.taken > 0);
    await eventually('it is told', () => exporter.outcomes.at(-1) === null);
  });

  test('exhausted is left alone until the next export, which arrives', async () => {
    await using collector = await startRefusing();
    await using exporter = start(collector.endpoint, 2000);
    collector.refuse = status.RESOURCE_EXHAUSTED;
    await eventually('two have failed', () => exporter.outcomes.length >= 2);
    assert.match(exporter.outcomes[0]?.message ?? '', /RESOURCE_EXHAUSTED/);
    collector.refuse = null;
    await eventually('one has arrived', () => collector.taken > 0);
  });
});
