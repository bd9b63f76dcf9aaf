import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';
import { Scrapes } from '../../../src/exporters/prometheus/scrapes.ts';
import { PrometheusEndpoint } from '../../../src/exporters/prometheus/server.ts';
import { Records } from '../../../src/records/records.ts';
import { eventually } from '../../support/eventually.ts';

interface Started extends AsyncDisposable {
  readonly url: URL;
  /** The status, or the code of the error. */
  ask(path?: string, options?: { method?: string; body?: string }): Promise<number | string>;
  /** A connection that sends this and then waits. */
  open(text: string): Promise<Socket>;
}

/** An endpoint of some ten kilobytes of metrics. */
async function start(): Promise<Started> {
  const endpoint = new PrometheusEndpoint({
    host: '127.0.0.1',
    port: 0,
    web: null,
    clients: new Clients(),
    readiness: () => ({ ready: true, probes: [] }),
    records: new Records([]),
    onError: () => undefined,
  });
  const scrapes = new Scrapes({ timeoutMs: 10_000, producers: [], onError: () => undefined });
  endpoint.serve(scrapes);
  const meter = new MeterProvider({ readers: [scrapes.reader] }).getMeter('test');
  const gauge = meter.createGauge('test');
  for (let series = 0; series < 100; series++) gauge.record(1, { series, name: 'x'.repeat(100) });
  const url = new URL(await endpoint.start());
  const sockets: Socket[] = [];
  return {
    url,
    async ask(path = '/metrics', { method = 'GET', body } = {}) {
      try {
        const sent = request(new URL(path, url), { method, agent: new Agent({ keepAlive: false }) }).end(body);
        const [response] = await once(sent, 'response');
        await Array.fromAsync(response);
        return response.statusCode;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? String(error);
      }
    },
    async open(text) {
      const socket = connect(Number(url.port), url.hostname);
      sockets.push(socket);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(text);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await endpoint.stop();
    },
  };
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await work(), performance.now() - began];
}

suite('1,500 scrapes at once', () => {
  test('are answered by the metrics or, where that is too many, by a 503, and none is reset', async () => {
    await using endpoint = await start();
    const outcomes = await Promise.all(Array.from({ length: 1500 }, () => endpoint.ask()));
    assert.deepEqual(
      outcomes.filter((outcome) => outcome !== 200 && outcome !== 503),
      [],
    );
    assert.ok(outcomes.filter((outcome) => outcome === 200).length >= 1000);
  });

  test('leave nothing that counts against those after them', async () => {
    await using endpoint = await start();
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.all(Array.from({ length: 600 }, () => endpoint.ask()));
      assert.deepEqual(outcomes, Array(600).fill(200));
    }
  });
});

suite('clients that take their time', { concurrency: true }, () => {
  test('to send their headers do not hold up a scrape, and are gone within 10 s', async () => {
    await using endpoint = await start();
    const slow = await Promise.all(
      Array.from({ length: 500 }, () => endpoint.open('GET /metrics HTTP/1.1\r\nhost: a\r\n')),
    );
    const timer = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write('x: 1\r\n');
    }, 500);
    for (const socket of slow) socket.resume();
    try {
      assert.equal(await endpoint.ask(), 200);
      assert.ok(
        slow.some(({ closed }) => !closed),
        'the scrape is answered while they are there',
      );
      await eventually('they are gone', () => slow.every(({ closed }) => closed), 10_000);
    } finally {
      clearInterval(timer);
    }
  });

  test('to ask anything at all are gone within 10 s', async () => {
    await using endpoint = await start();
    const silent = await endpoint.open('');
    silent.resume();
    await eventually('it is gone', () => silent.closed, 10_000);
  });
});

suite('a request', () => {
  test('with a mebibyte of headers is refused, and does not hold up a scrape', async () => {
    await using endpoint = await start();
    const large = await endpoint.open(`GET /metrics HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(1 << 20)}\r\n\r\n`);
    const [status, ms] = await timed(() => endpoint.ask());
    assert.equal(status, 200);
    assert.ok(ms < 1000, `it took ${ms} ms`);
    large.resume();
    await eventually('it is gone', () => large.closed, 10_000);
  });

  for (const [length, headers] of [
    ['of a known length', 'content-length: 9'],
    ['of an unknown length', 'transfer-encoding: chunked'],
  ]) {
    test(`with a body ${length} is refused, and its connection closed`, async () => {
      await using endpoint = await start();
      const socket = await endpoint.open(`GET /metrics HTTP/1.1\r\nhost: a\r\n${headers}\r\n\r\n`);
      const answer = Buffer.concat(await Array.fromAsync(socket)).toString();
      assert.match(answer, /^HTTP\/1\.1 413 /);
    });
  }

  test('by another method is refused with its body', async () => {
    await using endpoint = await start();
    assert.equal(await endpoint.ask('/metrics', { method: 'POST', body: 'x'.repeat(1000) }), 405);
  });
});
