/** What a backend, or whatever stands in its place, answers to an export. */
import assert from 'node:assert/strict';
import { Metadata } from '@grpc/grpc-js';
import { excerptOf, NoOtlpError, readAnswer } from '../../../src/exporters/otlp/answer.ts';
import { parseRetryAfter, retryDelayMs } from '../../../src/exporters/otlp/retry-info.ts';
import type { Target } from '../fuzzer.ts';

const TYPES = [undefined, 'application/x-protobuf', 'application/json', 'text/html', 'text/plain; charset=x', ';'];
const MAX_WORDS = 400;

export const otlpAnswer: Target = {
  words: [
    ...['\x0a', '\x12', '\x08', '\x1a', '\x01', '\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01', '\x80\x80\x80\x80'],
    ...['{"partialSuccess":', '{"rejectedDataPoints":"5"', ',"errorMessage":', '"', '}', 'null', '1e999', '-1'],
    ...['<html>', '<title>', '</title>', 'type.googleapis.com/google.rpc.RetryInfo', '\x1b[2J', '\r\n'],
  ],
  open: () => ({ check, async [Symbol.asyncDispose]() {} }),
};

function check(input: Buffer): void {
  for (const type of TYPES) {
    try {
      const remark = readAnswer(input, type);
      if (remark !== null) {
        assert.ok(remark.rejected >= 0);
        assertWords(remark.message);
      }
    } catch (error) {
      if (!(error instanceof NoOtlpError)) throw error;
      assertWords(error.message);
    }
    assertWords(excerptOf(input, type));
  }
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', input);
  assertDelay(retryDelayMs({ metadata }));
  assertDelay(retryDelayMs({ retryAfterMs: parseRetryAfter(input.toString('latin1')) }));
}

function assertWords(text: string): void {
  assert.ok(text.length <= MAX_WORDS, `${text.length} characters`);
  assert.doesNotMatch(text, /\p{Cc}/u);
}

function assertDelay(ms: number | undefined): void {
  assert.ok(ms === undefined || (ms > 0 && ms <= 3_600_000), `${ms}`);
}
