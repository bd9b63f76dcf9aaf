/** OTLP through the proxy that the environment names, with and without TLS, alike over gRPC and HTTP. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { suite, test } from 'node:test';
import { inheritedFrom } from '../../../src/config/inherited.ts';
import { grpcDestination, httpDestination } from '../../../src/exporters/otlp/connection.ts';
import type { Transport } from '../../../src/exporters/otlp/exporter.ts';
import { GrpcTransport } from '../../../src/exporters/otlp/grpc-transport.ts';
import { HttpTransport } from '../../../src/exporters/otlp/http-transport.ts';
import { createAuthority, lacksOpenssl } from '../../support/certificates.ts';
import { startOtlpPeer } from '../../support/otlp-peer.ts';
import { BEHIND_PROXY, type HttpProxy, startProxy } from '../../support/proxy.ts';

function create(by: 'grpc' | 'http', endpoint: string, env: Readonly<Record<string, string>>, ca?: Buffer): Transport {
  const connection = { endpoint, timeoutMs: 3000, inherited: inheritedFrom(env), tls: () => ({ ...(ca && { ca }) }) };
  if (by === 'grpc') return new GrpcTransport(grpcDestination(connection, 'metrics'), 'metrics');
  return new HttpTransport(httpDestination(connection, 'metrics'));
}

function variables({ host }: HttpProxy): Record<string, string> {
  return { http_proxy: `http://me:s%20cret@${host}`, https_proxy: `http://me:s%20cret@${host}` };
}

const AUTHORIZATION = `Basic ${Buffer.from('me:s cret').toString('base64')}`;

for (const by of ['grpc', 'http'] as const) {
  suite(`a proxy, by ${by},`, () => {
    for (const isTls of [false, true]) {
      test(`is used ${isTls ? 'with' : 'without'} TLS, with its name and password, and what the endpoint is shown`, {
        skip: lacksOpenssl,
      }, async () => {
        await using proxy = await startProxy();
        using authority = createAuthority();
        const tls = { server: authority.issue('server', { names: `DNS:${BEHIND_PROXY}` }) };
        await using peer = await startOtlpPeer(by, isTls ? { tls } : {});
        const { protocol, port } = new URL(peer.url);
        const endpoint = `${protocol}//${BEHIND_PROXY}:${port}`;
        const transport = create(by, endpoint, variables(proxy), authority.pem);
        for (let at = 0; at < 2; at++) assert.equal(await transport.send(new Uint8Array()), null);
        transport.shutdown();
        assert.equal(peer.requests.length, 2);
        const headers: IncomingHttpHeaders = peer.requests[0]?.headers ?? {};
        assert.equal(headers[by === 'grpc' ? ':authority' : 'host'], `${BEHIND_PROXY}:${port}`);
        assert.ok(!JSON.stringify(headers).includes('cret'));
        const isTunnel = by === 'grpc' || isTls;
        assert.deepEqual(proxy.asked[0], {
          what: isTunnel ? `CONNECT ${BEHIND_PROXY}:${port}` : `POST ${endpoint}/v1/metrics`,
          authorization: AUTHORIZATION,
        });
      });
    }

    test('that refuses is named with its variable, and without its password', async () => {
      await using proxy = await startProxy(403);
      for (const scheme of ['http', 'https']) {
        const transport = create(by, `${scheme}://${BEHIND_PROXY}:4317`, variables(proxy));
        const { message } = await transport.send(new Uint8Array()).then(
          () => assert.fail('it arrived'),
          (error: Error) => error,
        );
        transport.shutdown();
        assert.ok(message.includes(`through the proxy http://${proxy.host} (http`), message);
        assert.match(message, by === 'grpc' ? /The proxy gives no connection/ : / 403 Forbidden/);
        assert.doesNotMatch(message, /cret|undefined/);
      }
    });
  });
}
