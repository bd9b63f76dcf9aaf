import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  type CollectionResult,
  MeterProvider,
  type MetricProducer,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';
import { Scrapes } from '../../../src/exporters/prometheus/scrapes.ts';
import { PrometheusEndpoint } from '../../../src/exporters/prometheus/server.ts';
import { Records } from '../../../src/records/records.ts';
import { nodeOf } from '../../support/collections.ts';
import { GET } from '../../support/connections.ts';
import { eventually } from '../../support/eventually.ts';
import { requests } from '../../support/requests.ts';

/** A producer of a large node, each of whose collections differs from the one before. */
class NodeProducer implements MetricProducer {
  readonly node: ResourceMetrics;
  collections = 0;
  /** Every collection waits for it. */
  gate: Promise<void> = Promise.resolve();

  constructor(containers: number) {
    this.node = nodeOf(containers);
  }

  async collect(): Promise<CollectionResult> {
    const description = `Collection ${++this.collections}`;
    await this.gate;
    const { resource, scopeMetrics } = this.node;
    const metrics = scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .map((metric) => ({ ...metric, descriptor: { ...metric.descriptor, description } }));
    return { resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'test' }, metrics }] }, errors: [] };
  }
}

/** Counts what unread answers hold. */
class CountingClients extends Clients {
  held = 0;
  most = 0;

  override hold(bytes: number): void {
    super.hold(bytes);
    this.held += bytes;
    this.most = Math.max(this.most, this.held);
  }
}

const GZIP = { 'accept-encoding': 'gzip' };

async function start(containers = 300) {
  const clients = new CountingClients();
  const producer = new NodeProducer(containers);
  const reported: unknown[] = [];
  const onError = (error: unknown): void => void reported.push(error);
  const endpoint = new PrometheusEndpoint({
    ...{ host: '127.0.0.1', port: 0, web: null, clients, onError },
    ...{ readiness: () => ({ ready: true, probes: [] }), records: new Records([]) },
  });
  const scrapes = new Scrapes({ timeoutMs: 10_000, producers: [producer], onError });
  new MeterProvider({ readers: [scrapes.reader] });
  endpoint.serve(scrapes);
  const url = new URL(await endpoint.start());
  const agent = new Agent({ keepAlive: false });
  /** The head of an answer whose body nobody reads yet. */
  const ask = async (headers = {}, method = 'GET', path = url.pathname): Promise<IncomingMessage> => {
    const sent = request(new URL(path, url), { agent, headers, method }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  };
  const all = { clients, producer, reported, url, ask };
  return { ...all, [Symbol.asyncDispose]: () => endpoint.stop() };
}

async function read(response: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>));
}

/** Reads with a rest behind each part, so that others go ahead. */
async function readSlowly(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of response) {
    parts.push(part);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return Buffer.concat(parts);
}

suite('a large answer', () => {
  test('is sent in chunks, for its length is not known before', async () => {
    await using endpoint = await start();
    const response = await endpoint.ask();
    const { 'content-length': length, 'transfer-encoding': coding } = response.headers;
    assert.deepEqual([length, coding], [undefined, 'chunked']);
    assert.ok((await read(response)).length > 3e6);
  });

  test('ends with the connection for a client of HTTP/1.0', async () => {
    await using endpoint = await start();
    const expected = await read(await endpoint.ask());
    const socket = connect(Number(endpoint.url.port), endpoint.url.hostname);
    socket.write(GET('/metrics').replace('HTTP/1.1', 'HTTP/1.0'));
    const answer = Buffer.concat(await Array.fromAsync(socket)).toString();
    assert.match(answer, /^HTTP\/1\.1 200 /);
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    assert.equal(body, expected.toString().replaceAll('Collection 1', 'Collection 2'));
  });

  test('to HEAD has no body', async () => {
    await using endpoint = await start();
    const response = await endpoint.ask({}, 'HEAD');
    assert.deepEqual([response.statusCode, (await read(response)).length], [200, 0]);
  });

  test('keeps no other request waiting until it is sent', async () => {
    await using endpoint = await start(3000);
    const large = endpoint.ask().then(read);
    let isSent = false;
    void large.then(() => {
      isSent = true;
    });
    await eventually('it is collected', () => endpoint.clients.held > 0);
    assert.equal((await read(await endpoint.ask({}, 'GET', '/healthz'))).toString(), 'ok\n');
    assert.equal(isSent, false);
    await large;
  });

  test('that cannot be written to its end is cut off, and never looks whole', async () => {
    await using endpoint = await start();
    const last = endpoint.producer.node.scopeMetrics.at(-1)?.metrics.at(-1)?.dataPoints.at(-1);
    Object.assign(last?.attributes ?? {}, { id: 1n });
    for (const headers of [{}, GZIP]) {
      await assert.rejects(async () => read(await endpoint.ask(headers)), { code: 'ECONNRESET' });
    }
    assert.match(String(endpoint.reported), /BigInt/);
    await eventually('nothing is held', () => endpoint.clients.held === 0);
  });
});

suite('readers of one collection', () => {
  test('are hundreds, with and without compression, and all get the same', async () => {
    await using endpoint = await start(50);
    const open = Promise.withResolvers<void>();
    endpoint.producer.gate = open.promise;
    const arrived = requests(300);
    const asked = Array.from({ length: 300 }, (_, at) => endpoint.ask(at % 2 === 0 ? GZIP : {}));
    await arrived;
    open.resolve();
    const bodies = await Promise.all(
      asked.map(async (asked) => {
        const response = await asked;
        const bytes = await read(response);
        return response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      }),
    );
    assert.equal(endpoint.producer.collections, 1);
    assert.equal(new Set(bodies.map(String)).size, 1);
    await eventually('nothing is held', () => endpoint.clients.held === 0);
  });

  for (const [how, headers] of [
    ['plain', {}],
    ['compressed', GZIP],
  ] as const) {
    test(`get the same, however slow one of them is: ${how}`, async () => {
      await using endpoint = await start();
      const open = Promise.withResolvers<void>();
      endpoint.producer.gate = open.promise;
      const arrived = requests(5);
      const asked = Array.from({ length: 5 }, () => endpoint.ask(headers));
      await arrived;
      open.resolve();
      const [slow, ...fast] = await Promise.all(asked);
      assert.ok(slow !== undefined);
      const expected = await Promise.all(fast.map(read));
      assert.equal(endpoint.producer.collections, 1);
      for (const body of [...expected, await readSlowly(slow)]) assert.deepEqual(body, expected[0]);
    });

    test(`leave nothing when they go away before the end: ${how}`, async () => {
      await using endpoint = await start(3000);
      const responses = await Promise.all(Array.from({ length: 5 }, () => endpoint.ask(headers)));
      assert.ok(endpoint.clients.held > 0);
      for (const response of responses) response.destroy();
      await eventually('nothing is held', () => endpoint.clients.held === 0);
      assert.deepEqual(endpoint.reported, []);
    });
  }

  test('who read nothing get the last collection again once memory is short, and so does a fast one', async () => {
    await using endpoint = await start(1000);
    const slow: IncomingMessage[] = [];
    for (let at = 0; at < 40; at++) slow.push(await endpoint.ask(at % 2 === 0 ? GZIP : {}));
    const { collections } = endpoint.producer;
    assert.ok(collections > 1 && collections < 40, `${collections} collections`);
    assert.ok(endpoint.clients.most < 10 << 20, `${endpoint.clients.most} bytes are held`);
    const text = (await read(await endpoint.ask())).toString();
    assert.match(text, new RegExp(`Collection ${collections}\\n`));
    for (const response of slow) response.destroy();
    await eventually('nothing is held', () => endpoint.clients.held === 0);
    assert.match((await read(await endpoint.ask())).toString(), new RegExp(`Collection ${collections + 1}\\n`));
  });
});
