import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Attributes, ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  MeterProvider,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';
import { Scrapes, type ScrapesOptions } from '../../../src/exporters/prometheus/scrapes.ts';
import { PrometheusEndpoint, type PrometheusOptions } from '../../../src/exporters/prometheus/server.ts';
import type { Readiness } from '../../../src/program/health.ts';
import { OOM_KILL, type OomKillRecord } from '../../../src/receivers/oom/record-schema.ts';
import { flatten } from '../../../src/records/encode.ts';
import { Records } from '../../../src/records/records.ts';
import { oomRecord } from '../../support/records.ts';
import { requests } from '../../support/requests.ts';

/** A producer whose one counter says how often it was asked. */
class FakeProducer implements MetricProducer {
  collections = 0;
  underWay = 0;
  mostAtOnce = 0;
  errors: unknown[] = [];
  attributes: Attributes = {};
  /** Every collection waits for it. */
  gate: Promise<void> = Promise.resolve();
  #asked = Promise.withResolvers<void>();

  /** Resolves when the first collection has begun. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  async collect(): Promise<CollectionResult> {
    const value = ++this.collections;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.underWay);
    this.#asked.resolve();
    try {
      await this.gate;
    } finally {
      this.underWay--;
    }
    const time: [number, number] = [0, 0];
    const metric = {
      descriptor: { name: 'test_total', description: 'A test', unit: '', valueType: ValueType.INT },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.SUM as const,
      isMonotonic: true,
      dataPoints: [{ attributes: this.attributes, startTime: time, endTime: time, value }],
    };
    const scopeMetrics = [{ scope: { name: 'test' }, metrics: [metric] }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: this.errors };
  }
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

interface Started {
  readonly endpoint: PrometheusEndpoint;
  readonly producer: FakeProducer;
  readonly url: string;
  /** What the endpoint reported as failed. */
  readonly reported: unknown[];
  ask(path?: string, options?: { method?: string; headers?: Record<string, string> }): Promise<Answer>;
}

const running: PrometheusEndpoint[] = [];

afterEach(async () => {
  for (const endpoint of running.splice(0)) await endpoint.stop();
});

type Options = Partial<PrometheusOptions & Pick<ScrapesOptions, 'timeoutMs'>>;

function scrapesOf(producer: FakeProducer, timeoutMs: number, onError: (error: unknown) => void): Scrapes {
  const scrapes = new Scrapes({ timeoutMs, producers: [producer], onError });
  new MeterProvider({ readers: [scrapes.reader] });
  return scrapes;
}

function create({ timeoutMs = 10_000, ...options }: Options = {}): Omit<Started, 'url' | 'ask'> {
  const producer = new FakeProducer();
  const reported: unknown[] = [];
  const endpoint = new PrometheusEndpoint({
    host: '127.0.0.1',
    port: 0,
    web: null,
    clients: new Clients(),
    readiness: () => ({ ready: true, probes: [] }),
    records: new Records([OOM_KILL]),
    onError: (error) => reported.push(error),
    ...options,
  });
  endpoint.serve(scrapesOf(producer, timeoutMs, (error) => reported.push(error)));
  return { endpoint, producer, reported };
}

function listed(kills: readonly OomKillRecord[]): Records {
  const records = new Records([OOM_KILL]);
  for (const kill of kills) records.add(kill);
  return records;
}

async function start(options: Options = {}): Promise<Started> {
  const created = create(options);
  const url = await created.endpoint.start();
  running.push(created.endpoint);
  return { ...created, url, ask: (path = '/metrics', how = {}) => ask(new URL(path, url), how) };
}

async function ask(
  url: URL,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const sent = request(url, { method, headers, agent: new Agent({ keepAlive: false }) });
  sent.end();
  const [response] = await once(sent, 'response');
  const bytes = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>));
  return { status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() };
}

suite('a scrape', () => {
  test('gets the metrics of the producers', async () => {
    const { ask } = await start();
    assert.match((await ask()).text, /^# HELP test_total A test\n# TYPE test_total counter\ntest_total 1\n/m);
  });

  test('gets the type and version that Prometheus asks for', async () => {
    const { ask } = await start();
    const { status, headers } = await ask();
    assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  });

  test('says who sends the metrics', async () => {
    const { ask } = await start();
    assert.match((await ask()).text, /^target_info\{.*\} 1$/m);
  });

  test('ends in a line feed, without which Prometheus reads no last line', async () => {
    const { ask } = await start();
    assert.match((await ask()).text, /\n$/);
  });

  test('collects anew each time', async () => {
    const { ask } = await start();
    await ask();
    assert.match((await ask()).text, /^test_total 2$/m);
  });

  test('may have a query', async () => {
    const { ask } = await start();
    assert.equal((await ask('/metrics?name[]=test_total')).status, 200);
  });

  test('by HEAD gets the length and no body', async () => {
    const { ask } = await start();
    const { status, headers, bytes } = await ask('/metrics', { method: 'HEAD' });
    assert.deepEqual([status, Number(headers['content-length']) > 0, bytes.length], [200, true, 0]);
  });
});

suite('many scrapes at once', () => {
  test('share one collection', async () => {
    const { producer, ask } = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const arrived = requests(200);
    const answers = Array.from({ length: 200 }, () => ask());
    await arrived;
    resolve();
    await Promise.all(answers);
    assert.equal(producer.collections, 1);
  });

  test('all get its body', async () => {
    const { producer, ask } = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const arrived = requests(200);
    const answers = Array.from({ length: 200 }, () => ask());
    await arrived;
    resolve();
    const bodies = new Set((await Promise.all(answers)).map(({ status, text }) => `${status} ${text}`));
    assert.equal(bodies.size, 1);
  });

  test('never make two collections at the same time', async () => {
    const { producer, ask } = await start();
    producer.gate = new Promise((resolve) => setImmediate(resolve));
    await Promise.all(Array.from({ length: 200 }, () => ask()));
    assert.equal(producer.mostAtOnce, 1);
  });

  test('never do so after one of them took too long, either', async () => {
    const { producer, ask } = await start({ timeoutMs: 50 });
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    await ask();
    await ask();
    resolve();
    assert.equal(producer.mostAtOnce, 1);
  });

  test('get the same body compressed', async () => {
    const { producer, ask } = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const arrived = requests(2);
    const plain = ask();
    const compressed = ask('/metrics', { headers: { 'accept-encoding': 'gzip' } });
    await arrived;
    resolve();
    assert.equal(gunzipSync((await compressed).bytes).toString(), (await plain).text);
  });
});

suite('an answer is compressed', () => {
  const rows: [string | undefined, boolean][] = [
    ['gzip', true],
    ['GZIP', true],
    ['deflate, gzip, br', true],
    ['gzip;q=0.5', true],
    ['br;q=1.0, gzip;q=0.8, *;q=0.1', true],
    ['gzip; q=0.001', true],
    ['gzip;q=0', false],
    ['gzip; q=0.0', false],
    ['gzip;q=0.000, deflate', false],
    ['deflate, br', false],
    ['identity', false],
    ['', false],
    [undefined, false],
  ];
  for (const [accepted, expected] of rows) {
    const what = accepted === undefined ? 'without accept-encoding' : `for accept-encoding "${accepted}"`;
    test(`${expected ? 'with gzip' : 'not at all'} ${what}`, async () => {
      const { ask } = await start();
      const headers: Record<string, string> = accepted === undefined ? {} : { 'accept-encoding': accepted };
      assert.equal((await ask('/metrics', { headers })).headers['content-encoding'], expected ? 'gzip' : undefined);
    });
  }

  test('so that caches keep the forms apart', async () => {
    const { ask } = await start();
    assert.equal((await ask()).headers.vary, 'accept, accept-encoding');
  });
});

suite('a collection that fails', () => {
  test('in part is 503, which Prometheus shows as down', async () => {
    const { producer, ask } = await start();
    producer.errors = [new Error('the map is closed')];
    assert.equal((await ask()).status, 503);
  });

  test('says why', async () => {
    const { producer, ask } = await start();
    producer.errors = [new Error('the map is closed')];
    assert.equal((await ask()).text, 'The metrics could not be collected: the map is closed\n');
  });

  test('for several reasons says each of them', async () => {
    const { producer, ask } = await start();
    producer.errors = [new Error('the map is closed'), new Error('the file is gone')];
    assert.match((await ask()).text, /the map is closed.*the file is gone/s);
  });

  test('for reasons inside a reason says those', async () => {
    const { producer, ask } = await start();
    producer.errors = [new AggregateError([new Error('the map is closed')], 'Cannot read every receiver')];
    assert.match((await ask()).text, /the map is closed/);
  });

  test('by a rejection is 503', async () => {
    const { producer, ask } = await start();
    producer.gate = Promise.reject(new Error('broken'));
    producer.gate.catch(() => undefined); // it is rejected before anybody waits for it
    assert.equal((await ask()).status, 503);
  });

  test('because its text cannot be written is 503 and does not hang', async () => {
    const { producer, ask } = await start();
    producer.attributes = { id: 1n } as unknown as Attributes;
    assert.equal((await ask()).status, 503);
  });

  test('is reported once, however many scrapes it answers', async () => {
    const { producer, reported, ask } = await start();
    const { promise, reject } = Promise.withResolvers<void>();
    producer.gate = promise;
    const arrived = requests(10);
    const answers = Array.from({ length: 10 }, () => ask());
    await arrived;
    reject(new Error('broken'));
    await Promise.all(answers);
    assert.equal(reported.length, 1);
  });

  test('leaves the next one alone', async () => {
    const { producer, ask } = await start();
    producer.errors = [new Error('once')];
    await ask();
    producer.errors = [];
    assert.equal((await ask()).status, 200);
  });

  test('by taking too long is 503 and says so', async () => {
    const { producer, ask } = await start({ timeoutMs: 50 });
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const { status, text } = await ask();
    resolve();
    assert.deepEqual([status, text], [503, 'The metrics could not be collected: it took longer than 50 ms\n']);
  });
});

suite('other requests', () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    test(`by ${method} are told what is allowed`, async () => {
      const { ask } = await start();
      const { status, headers } = await ask('/metrics', { method });
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
    });
  }

  test('by another method collect nothing', async () => {
    const { producer, ask } = await start();
    await ask('/metrics', { method: 'POST' });
    assert.equal(producer.collections, 0);
  });

  test('for another path are told where the metrics are', async () => {
    const { ask } = await start();
    const { status, text } = await ask('/metric');
    assert.deepEqual([status, /\/metrics/.test(text)], [404, true]);
  });

  test('for /healthz are answered without a collection', async () => {
    const { producer, ask } = await start();
    const { status, text } = await ask('/healthz');
    assert.deepEqual([status, text, producer.collections], [200, 'ok\n', 0]);
  });

  const attached: Readiness = { ready: true, probes: [{ probe: 'overlayfs', attached: true, method: 'syscall' }] };
  const missing: Readiness = {
    ready: false,
    probes: [{ probe: 'overlayfs', attached: false, method: 'none', reason: 'no BTF' }],
  };
  test('for /oom are the records of the last kills, as JSON', async () => {
    const records = [
      oomRecord({ 'victim.comm': 'a', members: [{ comm: 'b', reason: 'group', pid: 2 }] }),
      oomRecord({ 'victim.comm': 'c', 'limit.bytes': 2 ** 40 }),
    ];
    const { ask } = await start({ records: listed(records) });
    const answer = await ask('/oom');
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/json']);
    const { time, cgroup } = records[0]?.values ?? {};
    assert.deepEqual(JSON.parse(answer.text), {
      records: [
        { time, cgroup, victim_comm: 'a', members: [{ comm: 'b', reason: 'group', pid: 2 }] },
        { time, cgroup, victim_comm: 'c', limit_bytes: 2 ** 40 },
      ],
    });
  });

  const kills = Array.from({ length: 5 }, (_, index) => oomRecord({ 'victim.comm': `killed${index}` }));

  for (const [query, expected] of [
    ['', kills],
    ['?', kills],
    ['?limit=2', kills.slice(3)],
    ['?limit=5', kills],
    ['?limit=1000000000000000000000', kills],
    ['?other=1&limit=1', kills.slice(4)],
    ['?limit=%31', kills.slice(4)],
  ] as const) {
    test(`for /oom${query} are the last ${expected.length} of 5 records, the newest last, each on a line`, async () => {
      const { ask } = await start({ records: listed(kills) });
      const { status, text } = await ask(`/oom${query}`);
      assert.deepEqual([status, JSON.parse(text)], [200, { records: expected.map(flatten) }]);
      const lines = text.split('\n').filter((line) => line.includes('killed'));
      assert.deepEqual(
        lines.map((line) => JSON.parse(line.replace(/,$/, ''))),
        expected.map(flatten),
      );
    });
  }

  for (const query of [
    '?limit=',
    '?limit=0',
    '?limit=-1',
    '?limit=1.5',
    '?limit=ten',
    '?limit=1&limit=2',
    '?limit=%',
  ]) {
    test(`for /oom${query} say what a limit is`, async () => {
      const { ask } = await start({ records: listed(kills) });
      const { status, text } = await ask(`/oom${query}`);
      assert.equal(status, 400);
      assert.match(text, /^limit must be one whole number from 1 on.*\n$/);
    });
  }

  test('for /oom without a kill are an empty list', async () => {
    const { ask } = await start();
    assert.deepEqual(JSON.parse((await ask('/oom?limit=3')).text), { records: [] });
  });

  for (const [readiness, expected] of [
    [attached, 200],
    [missing, 503],
  ] as const) {
    test(`for /readyz are ${expected} while ready is ${readiness.ready}`, async () => {
      const { ask } = await start({ readiness: () => readiness });
      assert.equal((await ask('/readyz')).status, expected);
    });
  }

  test('for /readyz get each probe as JSON', async () => {
    const { ask } = await start({ readiness: () => missing });
    const { headers, text } = await ask('/readyz');
    assert.deepEqual([headers['content-type'], JSON.parse(text)], ['application/json', missing]);
  });

  test('for / get a page that links to the metrics', async () => {
    const { ask } = await start();
    const { headers, text } = await ask('/');
    assert.deepEqual([headers['content-type'], text.includes('href="/metrics"')], ['text/html; charset=utf-8', true]);
  });
});

suite('an endpoint that stops', () => {
  test('still answers a scrape that is under way', async () => {
    const { endpoint, producer, ask } = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const answer = ask();
    await producer.asked;
    const stopped = endpoint.stop();
    resolve();
    await stopped;
    assert.equal((await answer).status, 200);
  });

  test('still answers it when that takes longer than idle connections are waited for', async (context) => {
    const { endpoint, producer, ask } = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const answer = ask();
    await producer.asked;
    const stopped = endpoint.stop();
    context.mock.timers.tick(5000);
    resolve();
    await stopped;
    assert.equal((await answer).status, 200);
  });

  test('takes no new scrapes meanwhile', async () => {
    const { endpoint, producer, ask } = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const answer = ask();
    await producer.asked;
    const stopped = endpoint.stop();
    await assert.rejects(ask(), { code: 'ECONNREFUSED' });
    resolve();
    await Promise.all([stopped, answer]);
  });

  test('does not wait longer than the deadline for a collection that hangs', async () => {
    const { endpoint, producer, ask } = await start({ timeoutMs: 50 });
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const answer = ask();
    await producer.asked;
    await endpoint.stop();
    resolve();
    assert.equal((await answer).status, 503);
  });

  test('does not wait for connections that ask nothing', async () => {
    const { endpoint, url } = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    await endpoint.stop();
    socket.destroy();
  });

  test('does not wait for connections that are kept alive', async () => {
    const { endpoint, url } = await start();
    const agent = new Agent({ keepAlive: true });
    const sent = request(url, { agent }).end();
    const [response] = await once(sent, 'response');
    response.resume();
    await once(response, 'end');
    await endpoint.stop();
    agent.destroy();
  });

  test('can be stopped again', async () => {
    const { endpoint } = await start();
    await endpoint.stop();
    await endpoint.stop();
  });

  test('is not stopped for the second who asks before it is for the first', async () => {
    const { endpoint, producer, ask } = await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    producer.gate = promise;
    const answer = ask();
    await producer.asked;
    const first = endpoint.stop();
    let done = false;
    const second = endpoint.stop().then(() => {
      done = true;
    });
    await new Promise(setImmediate);
    const early = done;
    resolve();
    await Promise.all([answer, first, second]);
    assert.equal(early, false);
  });

  test('before it was started is nothing special', async () => {
    await create().endpoint.stop();
  });

  test('leaves its port to the next', async () => {
    const { endpoint, url } = await start();
    await endpoint.stop();
    await start({ port: Number(new URL(url).port) });
  });
});

suite('an address to listen on', () => {
  test('is told as the URL of the metrics', async () => {
    assert.match((await start()).url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
  test('of IPv6 is told in brackets', { skip: hasIpv6 ? false : 'this machine has no ::1' }, async () => {
    assert.match((await start({ host: '::1' })).url, /^http:\/\/\[::1\]:\d+\/metrics$/);
  });

  test('that is taken is an error with address and cure', async () => {
    const { port } = new URL((await start()).url);
    await assert.rejects(create({ port: Number(port) }).endpoint.start(), {
      name: 'Refusal',
      message: `Cannot listen on 127.0.0.1:${port}: another program does (choose another port: --set exporters.prometheus.port=9435)`,
    });
  });

  test('that is taken at 9090 is an error that suspects Prometheus', async () => {
    // Nobody else uses this address of the loopback; if somebody does, the port is in use all the same.
    const host = '127.0.90.90';
    const first = create({ host, port: 9090 });
    running.push(first.endpoint);
    await first.endpoint.start().catch(() => undefined);
    await assert.rejects(create({ host, port: 9090 }).endpoint.start(), {
      message: /another program does, perhaps Prometheus itself.*--set exporters\.prometheus\.port=/,
    });
  });

  test('that this machine does not have is an error with the cure', async () => {
    // TEST-NET-1, RFC 5737
    await assert.rejects(create({ host: '192.0.2.1' }).endpoint.start(), {
      message: /^Cannot listen on 192\.0\.2\.1:0: this machine has no such address \(set exporters\.prometheus\.host/,
    });
  });

  test('that was taken can be tried again', async () => {
    const taken = await start();
    const { endpoint } = create({ port: Number(new URL(taken.url).port) });
    running.push(endpoint);
    await assert.rejects(endpoint.start());
    await taken.endpoint.stop();
    assert.equal(await endpoint.start(), taken.url);
  });
});

suite('an endpoint whose reader is another one', () => {
  test('answers what is under way from the old one, and the next from the new one', async () => {
    const { endpoint, producer, ask } = await start();
    const open = Promise.withResolvers<void>();
    producer.gate = open.promise;
    const underWay = ask();
    await producer.asked;
    const next = new FakeProducer();
    next.collections = 41;
    endpoint.serve(scrapesOf(next, 10_000, () => undefined));
    assert.match((await ask()).text, /^test_total 42$/m);
    open.resolve();
    assert.match((await underWay).text, /^test_total 1$/m);
  });

  test('says that there is none yet', async () => {
    const { endpoint, ask } = await start();
    endpoint.serve(null);
    const { status, text } = await ask();
    assert.deepEqual([status, text], [503, 'Floatie is not measuring yet\n']);
  });

  test('keeps connections', async () => {
    const { endpoint, url, producer } = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    const get = (url: string): Promise<void> =>
      new Promise((resolve) => {
        const asked = request(url, { agent }, (response) => response.resume().on('end', resolve));
        asked.on('socket', (socket) => sockets.add(socket)).end();
      });
    await get(url);
    endpoint.serve(scrapesOf(producer, 10_000, () => undefined));
    await get(url);
    agent.destroy();
    assert.equal(sockets.size, 1);
  });
});
