import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inheritedFrom } from '../../../src/config/inherited.ts';
import { grpcDestination, httpDestination } from '../../../src/exporters/otlp/connection.ts';
import { placeOf, proxyFor } from '../../../src/exporters/otlp/proxy.ts';

/** Where the proxy is; null where there is none. */
function proxyOf(by: 'grpc' | 'http', endpoint: string, env: Readonly<Record<string, string>>): string | null {
  const destination = (by === 'grpc' ? grpcDestination : httpDestination)(
    { endpoint, timeoutMs: 1, inherited: inheritedFrom(env) },
    'metrics',
  );
  const proxy = proxyFor(destination, by);
  return proxy === null ? null : placeOf(proxy);
}

suite('the proxy of an endpoint is', () => {
  const all = {
    grpc_proxy: 'http://g:1',
    https_proxy: 'http://s:1',
    http_proxy: 'http://p:1',
    all_proxy: 'http://a:1',
  };
  const rows: [string, 'grpc' | 'http', string, Record<string, string>, string | null][] = [
    ['none without variables', 'http', 'http://collector:4318', {}, null],
    ['none where they are empty', 'http', 'http://collector:4318', { http_proxy: ' ' }, null],
    ['http_proxy for http', 'http', 'http://collector:4318', all, 'http://p:1 (http_proxy)'],
    ['https_proxy for https', 'http', 'https://collector', all, 'http://s:1 (https_proxy)'],
    ['not http_proxy for https', 'http', 'https://collector', { http_proxy: 'http://p:1' }, null],
    ['all_proxy for the rest', 'http', 'https://collector', { ALL_PROXY: 'http://a:1' }, 'http://a:1 (ALL_PROXY)'],
    ['grpc_proxy for gRPC', 'grpc', 'http://collector:4317', all, 'http://g:1 (grpc_proxy)'],
    [
      'http_proxy for gRPC over TLS',
      'grpc',
      'https://collector',
      { http_proxy: 'http://p:1' },
      'http://p:1 (http_proxy)',
    ],
    ['the same in upper case', 'http', 'http://collector', { HTTP_PROXY: 'http://p:1' }, 'http://p:1 (HTTP_PROXY)'],
    ['one without a scheme', 'http', 'http://collector', { http_proxy: 'p:1' }, 'http://p:1 (http_proxy)'],
    [
      'told without its password',
      'http',
      'http://c',
      { http_proxy: 'http://me:secret@p:1' },
      'http://p:1 (http_proxy)',
    ],
    ['none for a name of this machine', 'grpc', 'http://localhost:4317', all, null],
    ['none for an address of this machine', 'grpc', 'http://127.0.0.9:4317', all, null],
    ['none for it in IPv6', 'http', 'http://[::1]:4318', all, null],
    ['none for it in both at once', 'http', 'http://[::ffff:127.0.0.1]:4318', all, null],
    ['one for a name that begins like it', 'http', 'http://localhost.example', all, 'http://p:1 (http_proxy)'],
    ['none for a socket of this machine', 'grpc', 'unix:///run/collector', all, null],
  ];
  for (const [name, by, endpoint, env, expected] of rows) {
    test(name, () => assert.equal(proxyOf(by, endpoint, env), expected));
  }

  for (const [by, proxy] of [
    ['http', 'socks5://p:1080'],
    ['grpc', 'https://p:3128'],
    ['http', 'http://'],
  ] as const) {
    test(`refused by ${by} where it is ${proxy}, without showing it`, () => {
      assert.throws(() => proxyOf(by, 'http://collector', { http_proxy: proxy }), {
        message: 'The proxy that http_proxy names is not used: it must look like http://host:port',
      });
    });
  }
});

suite('NO_PROXY', () => {
  const rows: [list: string, endpoint: string, isExcepted: boolean][] = [
    ['*', 'http://collector', true],
    ['collector', 'http://collector', true],
    ['COLLECTOR', 'http://collector', true],
    ['collector', 'http://collector.', true],
    ['collector', 'http://my-collector', false],
    ['a, collector', 'http://collector', true],
    ['a collector', 'http://collector', true],
    [' , ', 'http://collector', false],
    ['example.com', 'http://otel.example.com', true],
    ['.example.com', 'http://otel.example.com', true],
    ['*.example.com', 'http://otel.example.com', true],
    ['example.com', 'http://notexample.com', false],
    ['example.com:4318', 'http://example.com:4318', true],
    ['example.com:4318', 'http://example.com:4317', false],
    ['example.com:80', 'http://example.com', true],
    ['*:4318', 'http://example.com:4318', true],
    ['10.1.2.3', 'http://10.1.2.3:4318', true],
    ['2.3', 'http://10.1.2.3:4318', false],
    ['10.0.0.0/8', 'http://10.1.2.3:4318', true],
    ['10.0.0.0/16', 'http://10.1.2.3:4318', false],
    ['10.0.0.0/33', 'http://10.1.2.3:4318', false],
    ['10.0.0.0/8', 'http://ten.example', false],
    ['fd00::/8', 'http://[fd00::1]:4318', true],
    ['fd00::1', 'http://[fd00::1]:4318', true],
    ['[fd00::1]:4318', 'http://[fd00::1]:4318', true],
    ['[fd00::1]:4319', 'http://[fd00::1]:4318', false],
    ['fd00::/8', 'http://[fe00::1]:4318', false],
  ];
  for (const [list, endpoint, isExcepted] of rows) {
    test(`"${list}" ${isExcepted ? 'excepts' : 'does not except'} ${endpoint}`, () => {
      const env = { http_proxy: 'http://p:1', NO_PROXY: list };
      assert.equal(proxyOf('http', endpoint, env), isExcepted ? null : 'http://p:1 (http_proxy)');
    });
  }

  test('stands behind no_grpc_proxy for gRPC', () => {
    const env = { http_proxy: 'http://p:1', NO_PROXY: 'a', no_grpc_proxy: 'b' };
    assert.deepEqual(
      ['a', 'b'].map((host) => proxyOf('grpc', `http://${host}`, env)),
      ['http://p:1 (http_proxy)', null],
    );
  });
});
