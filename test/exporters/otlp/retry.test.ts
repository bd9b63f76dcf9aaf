import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { Retry } from '../../../src/exporters/otlp/retry.ts';

const failed = (code: number): Error => Object.assign(new Error('failed'), { code });
const UNAVAILABLE = failed(status.UNAVAILABLE);

interface Started {
  readonly retry: Retry;
  /** How often it was made again. */
  count(): number;
  tick(ms: number): void;
}

function start({ mock }: TestContext, intervalMs = 60_000): Started {
  mock.timers.enable({ apis: ['setTimeout'] });
  let count = 0;
  return { retry: new Retry(intervalMs, () => count++), count: () => count, tick: (ms) => mock.timers.tick(ms) };
}

suite('an export that failed', () => {
  for (const [code, expected] of [
    [status.UNAVAILABLE, 1],
    [status.CANCELLED, 1],
    [status.DEADLINE_EXCEEDED, 1],
    [status.ABORTED, 1],
    [status.OUT_OF_RANGE, 1],
    [status.DATA_LOSS, 1],
    [status.RESOURCE_EXHAUSTED, 0],
    [status.UNAUTHENTICATED, 0],
    [status.INVALID_ARGUMENT, 0],
  ] as const) {
    test(`by ${status[code]} is ${expected === 1 ? 'made again within 1.5 s' : 'left to the next one'}`, (context) => {
      const { retry, count, tick } = start(context);
      retry.ended(failed(code));
      tick(499);
      assert.equal(count(), 0);
      tick(1001);
      assert.equal(count(), expected);
    });
  }

  test('without a code is left to the next one', (context) => {
    const { retry, count, tick } = start(context);
    retry.ended(new Error('failed'));
    tick(60_000);
    assert.equal(count(), 0);
  });

  test('again and again is made again ever more rarely, and never after the next one is due', (context) => {
    const { retry, count, tick } = start(context);
    const gaps: number[] = [];
    for (;;) {
      const before = count();
      retry.ended(UNAVAILABLE);
      let ms = 0;
      for (; ms < 60_000 && count() === before; ms += 100) tick(100);
      if (count() === before) break;
      gaps.push(ms);
    }
    assert.ok(gaps.length >= 5, `${gaps}`);
    for (const [at, gap] of gaps.entries()) assert.ok(gap >= 500 * 2 ** at && gap <= 1500 * 2 ** at + 100, `${gaps}`);
  });

  test('after one that went well is made again as soon as the first time', (context) => {
    const { retry, count, tick } = start(context);
    for (let round = 0; round < 5; round++) {
      retry.ended(UNAVAILABLE);
      tick(60_000);
    }
    retry.ended(null);
    const before = count();
    retry.ended(UNAVAILABLE);
    tick(1500);
    assert.equal(count(), before + 1);
  });

  test('is not made again where exports come that fast anyway', (context) => {
    const { retry, count, tick } = start(context, 500);
    retry.ended(UNAVAILABLE);
    tick(60_000);
    assert.equal(count(), 0);
  });

  test('is not made again after the next one came first, or after the end', (context) => {
    const { retry, count, tick } = start(context);
    retry.ended(UNAVAILABLE);
    retry.ended(null);
    tick(60_000);
    retry.ended(UNAVAILABLE);
    retry.stop();
    tick(60_000);
    assert.equal(count(), 0);
  });
});
