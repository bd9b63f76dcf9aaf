import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createOtlpReader } from '../../../src/exporters/otlp/grpc.ts';
import { parseRetryAfter, retryDelayMs } from '../../../src/exporters/otlp/retry-info.ts';
import { eventually } from '../../support/eventually.ts';
import { startOtlpPeer } from '../../support/otlp-peer.ts';
import { statusWithDelay } from '../../support/protobuf.ts';

function errorWith(details: Buffer): Error {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', details);
  return Object.assign(new Error('x'), { metadata });
}

suite('the time that a collector asks for', () => {
  const rows: [string, unknown, number | undefined][] = [
    ['is in the details of a status', errorWith(statusWithDelay(300)), 300_000],
    ['has nanoseconds', errorWith(statusWithDelay(1, 500_000_000)), 1500],
    ['is an hour at most', errorWith(statusWithDelay(1e9)), 3_600_000],
    ['is none where it is 0', errorWith(statusWithDelay(0)), undefined],
    [
      'is none in details of another kind',
      errorWith(statusWithDelay(5, 0, 'type.googleapis.com/google.rpc.Help')),
      undefined,
    ],
    ['is none in what is cut off', errorWith(statusWithDelay(300).subarray(0, -4)), undefined],
    ['is none in what is no protobuf', errorWith(Buffer.from('{"seconds": 5}')), undefined],
    ['is none without details', Object.assign(new Error('x'), { metadata: new Metadata() }), undefined],
    ['is none in an error of another kind', new Error('x'), undefined],
    ['is none without an error', null, undefined],
    ['is in an error of HTTP', Object.assign(new Error('x'), { retryAfterMs: 5000 }), 5000],
    ['is an hour at most there, too', Object.assign(new Error('x'), { retryAfterMs: 1e9 }), 3_600_000],
    ['is none where it is over', Object.assign(new Error('x'), { retryAfterMs: -1 }), undefined],
  ];
  for (const [name, error, expected] of rows) test(name, () => assert.equal(retryDelayMs(error), expected));

  for (const [header, expected] of [
    ['7', 7000],
    [' 7 ', 7000],
    ['Wed, 21 Oct 2026 07:28:10 GMT', 10_000],
    ['soon', undefined],
    [undefined, undefined],
  ] as const) {
    test(`is ${expected} ms where Retry-After is ${header}`, (context) => {
      context.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-10-21T07:28:00Z') });
      assert.equal(parseRetryAfter(header), expected);
    });
  }

  test('is waited for by exports that are due before, but not by the last', async () => {
    const trailers = { 'grpc-status': '8', 'grpc-status-details-bin': statusWithDelay(600).toString('base64') };
    await using peer = await startOtlpPeer('grpc', { trailers });
    const outcomes: (Error | null)[] = [];
    const onExport = (error: Error | null) => void outcomes.push(error);
    const options = { intervalMs: 1000, timeoutMs: 1000, onExport } as const;
    const reader = createOtlpReader({ endpoint: peer.url, producers: [], ...options });
    new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test_total').add(1);
    await eventually('two exports have ended', () => outcomes.length >= 2);
    assert.match(outcomes[0]?.message ?? '', /RESOURCE_EXHAUSTED/);
    assert.match(outcomes[1]?.message ?? '', /^the collector asked for a delay, of which (600|599) s are left$/);
    assert.equal(peer.requests.length, 1);
    await reader.shutdown();
    assert.equal(peer.requests.length, 2);
  });

  test('makes an export again that would not be without it', async () => {
    const trailers = {
      'grpc-status': '8',
      'grpc-status-details-bin': statusWithDelay(0, 50_000_000).toString('base64'),
    };
    await using peer = await startOtlpPeer('grpc', { trailers });
    const options = { timeoutMs: 1000, onExport: () => undefined } as const;
    const reader = createOtlpReader({ endpoint: peer.url, intervalMs: 3_600_000, producers: [], ...options });
    new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test_total').add(1);
    await reader.forceFlush();
    await eventually('it was made again', () => peer.requests.length >= 2);
    await reader.shutdown();
  });
});
