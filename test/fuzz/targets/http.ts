/** What clients send to a running endpoint, byte by byte. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { emptyResource } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';
import { Scrapes } from '../../../src/exporters/prometheus/scrapes.ts';
import { PrometheusEndpoint } from '../../../src/exporters/prometheus/server.ts';
import { recordSchemas } from '../../../src/receivers/index.ts';
import { Records } from '../../../src/records/records.ts';
import type { Running, Target } from '../fuzzer.ts';

/** How long an answer is waited for that may never come, since the request is not whole, in ms. */
const ANSWER_MS = 50;

export const http: Target = {
  words: [
    ...[
      'GET ',
      'HEAD ',
      'POST ',
      'OPTIONS * ',
      '/metrics',
      '/oom?limit=',
      '/readyz',
      '/healthz',
      '/',
      '%00',
      '%ff',
      '?',
    ],
    ...[
      ' HTTP/1.1\r\n',
      ' HTTP/1.0\r\n',
      '\r\n',
      '\r\n\r\n',
      'Host: a\r\n',
      'Content-Length: ',
      'Connection: close\r\n',
    ],
    ...[
      'Transfer-Encoding: chunked\r\n',
      '0\r\n\r\n',
      'Accept-Encoding: gzip\r\n',
      'Authorization: Basic ',
      'Expect: 100-continue\r\n',
    ],
    ...[
      'Upgrade: h2c\r\nConnection: upgrade\r\n',
      'http://a/metrics',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\x16\x03\x01',
    ],
  ],
  open,
};

async function open(): Promise<Running> {
  const failures: unknown[] = [];
  const onError = (error: unknown): void => void failures.push(error);
  const endpoint = new PrometheusEndpoint({
    ...{ host: '127.0.0.1', port: 0, web: null, clients: new Clients(), onError },
    readiness: () => ({ ready: true, probes: [] }),
    records: new Records(recordSchemas),
  });
  const scrapes = new Scrapes({ timeoutMs: 10_000, producers: [], onError });
  new MeterProvider({ resource: emptyResource(), readers: [scrapes.reader] });
  endpoint.serve(scrapes);
  const url = new URL(await endpoint.start());
  const port = Number(url.port);
  return {
    async check(input) {
      const answer = await ask(port, input);
      assert.ok(answer === '' || answer.startsWith('HTTP/1.1 '), JSON.stringify(answer));
      // Only what is asked for is told, and nothing fails.
      assert.doesNotMatch(answer, /^HTTP\/1\.1 5(?!05)/m);
      assert.doesNotMatch(answer, /node_modules|\.[jt]s:\d+:\d+/);
      assert.deepEqual(failures, []);
      assert.match(await ask(port, Buffer.from('GET /healthz HTTP/1.0\r\n\r\n'), 5000), /^HTTP\/1\.1 200 /);
    },
    async [Symbol.asyncDispose]() {
      await endpoint.stop();
    },
  };
}

async function ask(port: number, bytes: Buffer, ms = ANSWER_MS): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined);
  const closed = once(socket, 'close');
  let answer = '';
  socket.on('data', (part) => {
    answer += part.toString('latin1');
  });
  socket.write(bytes);
  const late = setTimeout(() => socket.destroy(), ms);
  await closed;
  clearTimeout(late);
  return answer;
}
