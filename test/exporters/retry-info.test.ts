import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createOtlpReader } from '../../src/exporters/otlp.ts';
import { retryDelayMs } from '../../src/exporters/retry-info.ts';
import { eventually } from '../support/eventually.ts';
import { startOtlpPeer } from '../support/otlp-peer.ts';

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function message(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...varint(bytes.length)]), bytes]);
}

/** A google.rpc.Status that asks for so much time. */
function status(seconds: number, nanos = 0, type = 'type.googleapis.com/google.rpc.RetryInfo'): Buffer {
  const duration = Buffer.from([8, ...varint(seconds), 16, ...varint(nanos)]);
  const any = Buffer.concat([message(1, type), message(2, message(1, duration))]);
  return Buffer.concat([Buffer.from([8, 8]), message(2, 'enough'), message(3, any)]);
}

function errorWith(details: Buffer): Error {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', details);
  return Object.assign(new Error('x'), { metadata });
}

suite('the time that a collector asks for', () => {
  const rows: [string, unknown, number | undefined][] = [
    ['is in the details of a status', errorWith(status(300)), 300_000],
    ['has nanoseconds', errorWith(status(1, 500_000_000)), 1500],
    ['is an hour at most', errorWith(status(1e9)), 3_600_000],
    ['is none where it is 0', errorWith(status(0)), undefined],
    ['is none in details of another kind', errorWith(status(5, 0, 'type.googleapis.com/google.rpc.Help')), undefined],
    ['is none in what is cut off', errorWith(status(300).subarray(0, -4)), undefined],
    ['is none in what is no protobuf', errorWith(Buffer.from('{"seconds": 5}')), undefined],
    ['is none without details', Object.assign(new Error('x'), { metadata: new Metadata() }), undefined],
    ['is none in an error of another kind', new Error('x'), undefined],
    ['is none without an error', null, undefined],
  ];
  for (const [name, error, expected] of rows) test(name, () => assert.equal(retryDelayMs(error), expected));

  test('is waited for by exports that are due before, but not by the last', async () => {
    const trailers = { 'grpc-status': '8', 'grpc-status-details-bin': status(600).toString('base64') };
    await using peer = await startOtlpPeer('grpc', { trailers });
    const outcomes: (Error | null)[] = [];
    const onExport = (error: Error | null) => void outcomes.push(error);
    const options = { intervalMs: 1000, timeoutMs: 1000, temporality: 'cumulative', onExport } as const;
    const reader = createOtlpReader({ endpoint: peer.url, producers: [], ...options });
    new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test_total').add(1);
    await eventually('two exports have ended', () => outcomes.length >= 2);
    assert.match(outcomes[0]?.message ?? '', /RESOURCE_EXHAUSTED/);
    assert.match(outcomes[1]?.message ?? '', /^the collector asks to be left alone for (600|599) s more$/);
    assert.equal(peer.requests.length, 1);
    await reader.shutdown();
    assert.equal(peer.requests.length, 2);
  });

  test('makes an export again that would not be without it', async () => {
    const trailers = { 'grpc-status': '8', 'grpc-status-details-bin': status(0, 50_000_000).toString('base64') };
    await using peer = await startOtlpPeer('grpc', { trailers });
    const options = { timeoutMs: 1000, temporality: 'cumulative', onExport: () => undefined } as const;
    const reader = createOtlpReader({ endpoint: peer.url, intervalMs: 3_600_000, producers: [], ...options });
    new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('test_total').add(1);
    await reader.forceFlush();
    await eventually('it was made again', () => peer.requests.length >= 2);
    await reader.shutdown();
  });
});
