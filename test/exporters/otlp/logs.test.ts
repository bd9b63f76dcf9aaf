import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { Outcome } from '../../../src/exporters/otlp/exporter.ts';
import { type LogExporter, PatientProcessor } from '../../../src/exporters/otlp/logs.ts';

/** Takes what it is given while it is up. */
class FakeExporter implements LogExporter {
  up = true;
  stopped = false;
  readonly taken: unknown[] = [];
  code: number | undefined;
  /** How many it takes at once. */
  most = Number.POSITIVE_INFINITY;
  rejected = 0;

  export(records: ReadableLogRecord[], done: (outcome: Outcome) => void): void {
    const error = Object.assign(new Error('down'), { code: this.code });
    if (!this.up || records.length > this.most) {
      done({ code: ExportResultCode.FAILED, error });
      return;
    }
    this.taken.push(...records);
    const verdict = { rejected: this.rejected, sent: records.length, message: '' };
    done({ code: ExportResultCode.SUCCESS, ...(this.rejected > 0 && { verdict }) });
  }

  async shutdown(): Promise<void> {
    this.stopped = true;
  }
}

interface Setup {
  readonly exporter: FakeExporter;
  readonly processor: PatientProcessor;
  readonly outcomes: (string | undefined)[];
  /** Lets time pass, and what happens then happen. */
  pass(ms: number): Promise<void>;
}

function setUp(context: TestContext): Setup {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const exporter = new FakeExporter();
  const outcomes: Setup['outcomes'] = [];
  const processor = new PatientProcessor(exporter, 5000, (error) => outcomes.push(error?.message));
  return {
    exporter,
    processor,
    outcomes,
    async pass(ms) {
      context.mock.timers.tick(ms);
      await new Promise(setImmediate);
    },
  };
}

function record(number: number): ReadableLogRecord {
  return { body: number } as unknown as ReadableLogRecord;
}

suite('log records', () => {
  test('are gathered for a moment and sent together', async (context) => {
    const { exporter, processor, outcomes, pass } = setUp(context);
    const records = [record(1), record(2)];
    for (const each of records) processor.onEmit(each);
    assert.deepEqual(exporter.taken, []);
    await pass(200);
    assert.deepEqual([exporter.taken, outcomes], [records, [undefined]]);
  });

  test('wait for an endpoint that is down, and are then sent once', async (context) => {
    const { exporter, processor, outcomes, pass } = setUp(context);
    exporter.up = false;
    processor.onEmit(record(1));
    await pass(200);
    processor.onEmit(record(2));
    await pass(4999);
    assert.deepEqual([exporter.taken.length, outcomes], [0, ['down']]);
    exporter.up = true;
    await pass(1);
    assert.deepEqual([exporter.taken.length, outcomes], [2, ['down', undefined]]);
    await pass(100_000);
    assert.equal(exporter.taken.length, 2);
  });

  test('are sent once, also when it stops and the export takes longer than they are gathered', async (context) => {
    const { exporter, processor, outcomes, pass } = setUp(context);
    const sent: unknown[] = [];
    exporter.export = (records, done) => {
      sent.push(...records);
      setTimeout(() => done({ code: ExportResultCode.SUCCESS }), 1000);
    };
    processor.onEmit(record(1));
    await pass(100);
    const flushed = processor.forceFlush();
    for (const ms of [0, 100, 1000, 1000]) await pass(ms);
    await flushed;
    assert.deepEqual([sent.length, outcomes, processor.waiting], [1, [undefined], 0]);
  });

  test('are given up when too many wait, the oldest first, and counted', async (context) => {
    const { exporter, processor, pass } = setUp(context);
    exporter.up = false;
    for (let number = 0; number < 1003; number++) processor.onEmit(record(number));
    await pass(200);
    assert.equal(processor.dropped, 3);
    exporter.up = true;
    await pass(5000);
    assert.deepEqual(
      exporter.taken,
      Array.from({ length: 1000 }, (_, index) => record(index + 3)),
    );
  });

  for (const [code, name] of [
    [3, 'INVALID_ARGUMENT'],
    [400, 'a bad request'],
  ] as const) {
    test(`that will never be taken (${name}) are given up at once, and counted`, async (context) => {
      const { exporter, processor, outcomes, pass } = setUp(context);
      Object.assign(exporter, { up: false, code });
      processor.onEmit(record(1));
      await pass(200);
      assert.deepEqual([processor.waiting, processor.dropped, outcomes], [0, 1, ['down']]);
    });
  }

  for (const [code, name] of [
    [413, 'by HTTP'],
    [8, 'by gRPC'],
  ] as const) {
    test(`that are too many at once, ${name}, are halved until they are taken, and none is lost`, async (context) => {
      const { exporter, processor, pass } = setUp(context);
      exporter.code = code;
      exporter.most = 3;
      for (let number = 0; number < 40; number++) processor.onEmit(record(number));
      await pass(200);
      assert.deepEqual(
        exporter.taken,
        Array.from({ length: 40 }, (_, number) => record(number)),
      );
      assert.deepEqual([processor.waiting, processor.dropped], [0, 0]);
    });
  }

  test('of which one alone is too large lose that one, which is counted', async (context) => {
    const { exporter, processor, pass } = setUp(context);
    Object.assign(exporter, { code: 413, most: 0 });
    for (let number = 0; number < 3; number++) processor.onEmit(record(number));
    await pass(200);
    assert.deepEqual([processor.waiting, processor.dropped], [0, 3]);
  });

  test('that the endpoint rejects of those it takes are lost, and counted', async (context) => {
    const { exporter, processor, outcomes, pass } = setUp(context);
    exporter.rejected = 2;
    for (let number = 0; number < 3; number++) processor.onEmit(record(number));
    await pass(200);
    assert.deepEqual([processor.waiting, processor.dropped, outcomes], [0, 2, [undefined]]);
  });

  test('wait for a token to be right (UNAUTHENTICATED)', async (context) => {
    const { exporter, processor, pass } = setUp(context);
    Object.assign(exporter, { up: false, code: 16 });
    processor.onEmit(record(1));
    await pass(200);
    assert.deepEqual([processor.waiting, processor.dropped], [1, 0]);
  });

  test('that wait at the end are sent then', async (context) => {
    const { exporter, processor } = setUp(context);
    processor.onEmit(record(1));
    await processor.shutdown();
    assert.deepEqual([exporter.taken.length, exporter.stopped, processor.dropped], [1, true, 0]);
  });

  test('that cannot be sent at the end are counted as given up', async (context) => {
    const { exporter, processor } = setUp(context);
    exporter.up = false;
    processor.onEmit(record(1));
    await processor.shutdown();
    assert.deepEqual([exporter.taken.length, exporter.stopped, processor.dropped], [0, true, 1]);
  });
});
