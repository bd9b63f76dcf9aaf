import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createOtlpHttpReader } from '../../../src/exporters/otlp/http.ts';
import type { OtlpOptions } from '../../../src/exporters/otlp/push.ts';

interface Peer extends AsyncDisposable {
  readonly url: string;
  readonly requests: { readonly request: IncomingMessage; readonly body: Buffer }[];
}

async function startPeer(status = 200): Promise<Peer> {
  const requests: Peer['requests'] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      requests.push({ request, body: request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body });
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Exports one counter, once. */
async function exportOnce(endpoint: string, options: Partial<OtlpOptions> = {}): Promise<(Error | null)[]> {
  const outcomes: (Error | null)[] = [];
  const reader = createOtlpHttpReader({
    endpoint,
    intervalMs: 3_600_000,
    timeoutMs: 1000,
    producers: [],
    onExport: (error) => outcomes.push(error),
    ...options,
  });
  new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test_total').add(1);
  await reader.forceFlush();
  const [outcome] = outcomes;
  await reader.shutdown();
  return outcome === undefined ? [] : [outcome];
}

suite('OTLP over HTTP', () => {
  const paths: [string, string][] = [
    ['', '/v1/metrics'],
    ['/', '/v1/metrics'],
    ['/otlp', '/otlp/v1/metrics'],
    ['/otlp/?tenant=a', '/otlp/v1/metrics?tenant=a'],
    ['/v1/metrics', '/v1/metrics'],
    ['/v1/metrics/', '/v1/metrics'],
    ['/otlp/v1/logs', '/otlp/v1/metrics'],
    ['/v1/metrics?tenant=a', '/v1/metrics?tenant=a'],
    ['/my-v1/metrics', '/my-v1/metrics/v1/metrics'],
  ];
  for (const [path, expected] of paths) {
    test(`goes to ${expected} where the endpoint has the path "${path}"`, async () => {
      await using peer = await startPeer();
      assert.deepEqual(await exportOnce(`${peer.url}${path}`), [null]);
      assert.equal(peer.requests[0]?.request.url, expected);
    });
  }

  test('is protobuf, with the headers that are configured', async () => {
    await using peer = await startPeer();
    await exportOnce(peer.url, { headers: { Authorization: 'Bearer x' } });
    const { request, body } = peer.requests[0] ?? {};
    assert.equal(request?.headers['content-type'], 'application/x-protobuf');
    assert.equal(request?.headers.authorization, 'Bearer x');
    assert.ok(body?.includes('test_total'));
  });

  for (const status of [401, 404, 500]) {
    test(`is a failure that is told with its URL, and no secret of that, when the answer is ${status}`, async () => {
      await using peer = await startPeer(status);
      const [error] = await exportOnce(`${peer.url.replace('//', '//me:secret@')}/otlp?token=secret`);
      assert.match(error?.message ?? '', new RegExp(`^${peer.url}/otlp/v1/metrics\\?… answers ${status} [A-Z]`));
      assert.match(peer.requests[0]?.request.headers.authorization ?? '', /^Basic /);
    });
  }
});
