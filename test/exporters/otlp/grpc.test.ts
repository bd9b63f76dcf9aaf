import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, suite, test } from 'node:test';
import { ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  MeterProvider,
  type MetricProducer,
  type MetricReader,
} from '@opentelemetry/sdk-metrics';
import { createOtlpReader } from '../../../src/exporters/otlp/grpc.ts';
import type { OtlpOptions } from '../../../src/exporters/otlp/push.ts';
import { eventually } from '../../support/eventually.ts';

/** A producer whose one counter says how often it was asked. */
class FakeProducer implements MetricProducer {
  collections = 0;

  async collect(): Promise<CollectionResult> {
    const metric = {
      descriptor: { name: 'test_total', description: 'A test', unit: '', valueType: ValueType.INT },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.SUM as const,
      isMonotonic: true,
      dataPoints: [{ attributes: {}, startTime: [0, 0], endTime: [0, 0], value: ++this.collections }],
    } satisfies CollectionResult['resourceMetrics']['scopeMetrics'][number]['metrics'][number];
    return {
      resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: { name: 'test' }, metrics: [metric] }] },
      errors: [],
    };
  }
}

const servers: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

afterEach(() => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

/** A TCP server that knows no gRPC. */
async function serve(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    answer(socket);
  }).listen(0, '127.0.0.1');
  servers.push({ server, sockets });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return `http://127.0.0.1:${port}`;
}

/** An address where nothing listens. */
async function nowhere(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

interface Started {
  readonly reader: MetricReader;
  readonly producer: FakeProducer;
  /** How the exports ended. */
  readonly outcomes: (Error | null)[];
}

function start(endpoint: string, options: Partial<OtlpOptions> = {}): Started {
  const producer = new FakeProducer();
  const outcomes: (Error | null)[] = [];
  const reader = createOtlpReader({
    endpoint,
    intervalMs: 3_600_000,
    timeoutMs: 1000,
    producers: [producer],
    onExport: (error) => outcomes.push(error),
    ...options,
  });
  new MeterProvider({ readers: [reader] });
  return { reader, producer, outcomes };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const broken: [string, () => Promise<string>][] = [
  ['closes every connection', () => serve((socket) => socket.destroy())],
  ['answers what is no gRPC', () => serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ['never answers', () => serve(() => undefined)],
  ['is not there', nowhere],
];

for (const [name, endpointOf] of broken) {
  suite(`a collector that ${name}`, () => {
    test('is a failure that is told, with a reason, and not thrown', async () => {
      const { reader, outcomes } = start(await endpointOf());
      await reader.forceFlush();
      assert.equal(outcomes.length, 1);
      assert.match(outcomes[0]?.message ?? '', /\S/);
      await reader.shutdown();
    });

    test('is asked again at the next interval', async () => {
      const { reader, producer, outcomes } = start(await endpointOf(), { intervalMs: 100, timeoutMs: 100 });
      await eventually('three exports have failed', () => outcomes.length >= 3);
      assert.ok(producer.collections >= 3 && outcomes.every((outcome) => outcome instanceof Error));
      await reader.shutdown();
    });

    test('does not hold up the shutdown, which exports once more', async () => {
      const { reader, producer, outcomes } = start(await endpointOf());
      const took = await timed(() => reader.shutdown());
      assert.ok(took < 3000, `it took ${took} ms`);
      assert.deepEqual([producer.collections, outcomes.length], [1, 1]);
    });
  });
}

suite('a shutdown', () => {
  test('waits no longer than it is told to, whatever an export may take', async () => {
    const { reader } = start(await serve(() => undefined), { timeoutMs: 5000 });
    const took = await timed(() => assert.rejects(reader.shutdown({ timeoutMillis: 200 })));
    assert.ok(took < 2000, `it took ${took} ms`);
  });

  test('ends the exports', async () => {
    const { reader, producer } = start(await nowhere(), { intervalMs: 100, timeoutMs: 100 });
    await reader.shutdown();
    const { collections } = producer;
    await new Promise((resolve) => setTimeout(resolve, 350));
    assert.equal(producer.collections, collections);
  });
});
