/** How OTLP reaches its endpoint: TLS, compression and headers, alike over gRPC and HTTP. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { emptyResource } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { inheritedFrom } from '../../../src/config/inherited.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Tls } from '../../../src/exporters/credentials.ts';
import {
  type Connection,
  connectionOf,
  grpcDestination,
  httpDestination,
} from '../../../src/exporters/otlp/connection.ts';
import { createOtlpLogExporter, createOtlpReader } from '../../../src/exporters/otlp/grpc.ts';
import { createOtlpHttpLogExporter, createOtlpHttpReader } from '../../../src/exporters/otlp/http.ts';
import { createOtlpLogs } from '../../../src/exporters/otlp/logs.ts';
import { type Authority, type Certificate, createAuthority, lacksOpenssl } from '../../support/certificates.ts';
import { startOtlpPeer, type Transport } from '../../support/otlp-peer.ts';
import { oomRecord } from '../../support/records.ts';

const METRICS = { grpc: createOtlpReader, http: createOtlpHttpReader } as const;
const LOGS = { grpc: createOtlpLogExporter, http: createOtlpHttpLogExporter } as const;
const TRANSPORTS = ['grpc', 'http'] as const;

/** Exports one counter, once; undefined where that goes well. */
async function exportMetrics(
  transport: Transport,
  connection: Omit<Connection, 'timeoutMs'>,
): Promise<string | undefined> {
  let outcome: Error | null = null;
  const reader = METRICS[transport]({
    timeoutMs: 2000,
    intervalMs: 3_600_000,
    producers: [],
    onExport(error) {
      outcome = error;
    },
    ...connection,
  });
  new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test_total').add(1);
  await reader.forceFlush();
  const { message } = (outcome as Error | null) ?? {};
  await reader.shutdown().catch(() => undefined);
  return message;
}

function tlsOf(authority: Authority, client?: Certificate): Tls {
  if (client === undefined) return { ca: authority.pem };
  return { ca: authority.pem, cert: readFileSync(client.cert), key: readFileSync(client.key) };
}

for (const transport of TRANSPORTS) {
  suite(`TLS by ${transport}`, { skip: lacksOpenssl }, () => {
    let authority: Authority;
    let other: Authority;
    before(() => {
      authority = createAuthority();
      other = createAuthority();
    });
    after(() => {
      authority[Symbol.dispose]();
      other[Symbol.dispose]();
    });

    const rows: [string, () => { server: Certificate; tls: Tls; clients?: Authority }, RegExp | undefined][] = [
      [
        'arrives where the authority is trusted',
        () => ({ server: authority.issue('server'), tls: tlsOf(authority) }),
        undefined,
      ],
      [
        'does not go to a server of another authority',
        () => ({ server: other.issue('server'), tls: tlsOf(authority) }),
        /unable to verify the first certificate|self.signed certificate/,
      ],
      [
        'does not go to a server that only Node’s own authorities could vouch for',
        () => ({ server: authority.issue('server'), tls: {} }),
        /unable to verify the first certificate|self.signed certificate|unable to get local issuer/,
      ],
      [
        'does not go to a server whose certificate has expired',
        () => ({ server: authority.issue('late', { days: -1 }), tls: tlsOf(authority) }),
        /certificate has expired/,
      ],
      [
        'does not go to a server of another name',
        () => ({ server: authority.issue('elsewhere', { names: 'DNS:elsewhere.example' }), tls: tlsOf(authority) }),
        /does not match certificate's altnames/,
      ],
      [
        'arrives with a certificate of our own where one is asked for',
        () => ({
          server: authority.issue('server'),
          clients: other,
          tls: tlsOf(authority, other.issue('client')),
        }),
        undefined,
      ],
      [
        'is refused without one',
        () => ({ server: authority.issue('server'), clients: other, tls: tlsOf(authority) }),
        /certificate required|socket hang up|ECONNRESET|UNAVAILABLE|EPIPE/,
      ],
      [
        'is refused with one of another authority',
        () => ({ server: authority.issue('server'), clients: other, tls: tlsOf(authority, authority.issue('client')) }),
        /alert|socket hang up|ECONNRESET|UNAVAILABLE|EPIPE/,
      ],
    ];
    for (const [name, given, expected] of rows) {
      test(name, async () => {
        const { tls, ...server } = given();
        await using peer = await startOtlpPeer(transport, { tls: server });
        const message = await exportMetrics(transport, { endpoint: peer.url, tls: () => tls });
        if (expected === undefined) assert.deepEqual([message, peer.requests.length > 0], [undefined, true]);
        else {
          assert.match(message ?? 'it arrived', expected);
          assert.equal(peer.requests.length, 0);
        }
      });
    }
  });

  suite(`compression by ${transport}`, () => {
    const header = transport === 'grpc' ? 'grpc-encoding' : 'content-encoding';
    for (const [compression, expected] of [
      [undefined, undefined],
      ['none', undefined],
      ['gzip', 'gzip'],
    ] as const) {
      test(`is ${expected ?? 'none'} where ${compression ?? 'nothing'} is asked for`, async () => {
        await using peer = await startOtlpPeer(transport);
        const message = await exportMetrics(transport, { endpoint: peer.url, ...(compression && { compression }) });
        assert.equal(message, undefined);
        const seen = peer.requests[0]?.headers[header];
        assert.equal(seen === 'identity' ? undefined : seen, expected);
      });
    }
  });

  suite(`what OTEL_EXPORTER_OTLP_* say of secrets, by ${transport}`, () => {
    const inherited = inheritedFrom({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20variable,x-tenant=variable',
    });

    test('is added to what the configuration says', async () => {
      await using peer = await startOtlpPeer(transport);
      await exportMetrics(transport, { inherited, endpoint: peer.url, headers: { 'x-tenant': 'file' } });
      const { authorization, 'x-tenant': tenant } = peer.requests[0]?.headers ?? {};
      assert.deepEqual([authorization, tenant], ['Bearer variable', 'file']);
    });

    test('does not reach an exporter that has its own', async () => {
      await using peer = await startOtlpPeer(transport);
      const headers = { 'x-tenant': 'file' };
      await exportMetrics(transport, { inherited, endpoint: peer.url, headers, isPrivate: true });
      const seen = peer.requests[0]?.headers ?? {};
      assert.equal(seen['x-tenant'], 'file');
      assert.ok(!JSON.stringify(seen).includes('variable'));
    });

    test('is whom to trust only for those it is meant for', { skip: lacksOpenssl }, async () => {
      using authority = createAuthority();
      await using peer = await startOtlpPeer(transport, { tls: { server: authority.issue('server') } });
      const connection = {
        endpoint: peer.url,
        inherited: inheritedFrom({ OTEL_EXPORTER_OTLP_CERTIFICATE: authority.cert }),
      };
      assert.equal(await exportMetrics(transport, connection), undefined);
      assert.match(
        (await exportMetrics(transport, { ...connection, isPrivate: true, tls: () => ({}) })) ?? 'it arrived',
        /certificate/,
      );
    });
  });

  suite(`records of OOM kills by ${transport}`, () => {
    test('arrive as logs, with the headers that are configured', async () => {
      await using peer = await startOtlpPeer(transport);
      const exporter = LOGS[transport]({ endpoint: peer.url, headers: { 'x-tenant': 'file' }, timeoutMs: 2000 });
      const outcomes: (Error | null)[] = [];
      const onExport = (error: Error | null) => void outcomes.push(error);
      const logs = createOtlpLogs(exporter, { intervalMs: 1000, resource: emptyResource(), onExport });
      logs.emit(oomRecord({ 'victim.comm': 'hog' }));
      assert.deepEqual([logs.waiting(), logs.dropped()], [1, 0]);
      await logs.stop(5000);
      assert.deepEqual([logs.waiting(), logs.dropped(), outcomes], [0, 0, [null]]);
      const [{ path, headers } = { path: undefined, headers: {} }] = peer.requests;
      assert.equal(
        path,
        transport === 'http' ? '/v1/logs' : '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
      );
      assert.equal(headers['x-tenant'], 'file');
    });
  });
}

suite('the secrets of OTEL_EXPORTER_OTLP_* are for', () => {
  const { otlp } = loadConfig({ env: {}, set: [] }).exporters;
  const endpoint = 'http://a:4317';
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://b:4317' };
  const rows: [string, string, string, Record<string, string>, boolean][] = [
    ['the endpoint that the variables name', 'otlp', '', env, true],
    ['an endpoint of the configuration where the variables name none', 'otlp', endpoint, {}, true],
    ['no endpoint that stands in place of theirs', 'otlp', endpoint, env, false],
    ['no exporter with a name', 'otlp/eu', endpoint, {}, false],
  ];
  for (const [name, exporter, endpoint, env, expected] of rows) {
    test(name, () => {
      const { isPrivate, tls } = connectionOf(exporter, { ...otlp, endpoint }, inheritedFrom(env), undefined);
      assert.deepEqual([isPrivate, tls?.()], expected ? [false, undefined] : [true, {}]);
    });
  }
});

suite('an endpoint is at', () => {
  const rows: ['otlp' | 'otlphttp', string, string, number][] = [
    ['otlp', 'http://127.0.0.1:4317', '127.0.0.1', 4317],
    ['otlp', 'https://collector:4317/', 'collector', 4317],
    ['otlp', 'http://collector', 'collector', 443],
    ['otlp', 'http://collector:80', 'collector', 80],
    ['otlp', 'http://[::1]:4317', '[::1]', 4317],
    ['otlphttp', 'http://collector:4318/v1', 'collector', 4318],
    ['otlphttp', 'http://collector', 'collector', 80],
    ['otlphttp', 'https://collector', 'collector', 443],
  ];
  for (const [type, endpoint, host, port] of rows) {
    test(`${host} ${port} for ${type} ${endpoint}`, () => {
      const destinationOf = type === 'otlp' ? grpcDestination : httpDestination;
      const { url, port: found } = destinationOf({ endpoint, timeoutMs: 1000 }, 'metrics');
      assert.deepEqual([url.hostname, found], [host, port]);
    });
  }
});

suite('OTEL_EXPORTER_OTLP_* lead', () => {
  const rows: [string, Record<string, string>, 'otlp' | 'otlphttp', 'metrics' | 'logs', string][] = [
    ['to a collector beside us where they name none', {}, 'otlphttp', 'logs', 'http://localhost:4318/v1/logs'],
    ['below an endpoint', { ENDPOINT: 'http://a:1/x/' }, 'otlphttp', 'logs', 'http://a:1/x/v1/logs'],
    [
      'to each signal where an endpoint ends in the path of one',
      { ENDPOINT: 'http://a:1/v1/metrics' },
      'otlphttp',
      'logs',
      'http://a:1/v1/logs',
    ],
    [
      'to what one signal has of its own, as it is',
      { METRICS_ENDPOINT: 'http://a:1/x' },
      'otlphttp',
      'metrics',
      'http://a:1/x',
    ],
    ['by TLS to one without a scheme over gRPC', { ENDPOINT: 'a:1' }, 'otlp', 'metrics', 'https://a:1/'],
    ['without TLS where INSECURE says so', { ENDPOINT: 'a:1', INSECURE: 'True' }, 'otlp', 'metrics', 'http://a:1/'],
  ];
  for (const [name, variables, type, signal, expected] of rows) {
    test(name, () => {
      const env = Object.fromEntries(
        Object.entries(variables).map(([key, value]) => [`OTEL_EXPORTER_OTLP_${key}`, value]),
      );
      const destinationOf = type === 'otlp' ? grpcDestination : httpDestination;
      const connection = { endpoint: '', timeoutMs: 1000, inherited: inheritedFrom(env) };
      assert.equal(destinationOf(connection, signal).url.href, expected);
    });
  }
});
