/** An exporter by gRPC whose collector is away. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { Reconnecting } from '../../src/exporters/grpc.ts';

/** What was done to each exporter that was made, each of which answers with the code that is next. */
function exportWith(codes: (status | null)[]): string[] {
  const log: string[] = [];
  let made = 0;
  const exporter = new Reconnecting(() => {
    const name = ++made;
    log.push(`make ${name}`);
    return {
      export(_: string, done: (result: ExportResult) => void) {
        log.push(`export by ${name}`);
        const code = codes.shift() ?? null;
        if (code === null) return done({ code: ExportResultCode.SUCCESS });
        return done({ code: ExportResultCode.FAILED, error: Object.assign(new Error('no'), { code }) });
      },
      forceFlush: async () => undefined,
      async shutdown() {
        log.push(`shut down ${name}`);
      },
    };
  });
  while (codes.length > 0) exporter.export('metrics', () => log.push('done'));
  return log;
}

suite('an exporter by gRPC', () => {
  test('that cannot connect is made anew, which does not wait as long as gRPC does', () => {
    assert.deepEqual(exportWith([status.UNAVAILABLE, null]), [
      ...['make 1', 'export by 1', 'make 2', 'shut down 1', 'done'],
      ...['export by 2', 'done'],
    ]);
  });

  test('stays when the collector answers, whatever it says', () => {
    const codes = [null, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED, status.UNAUTHENTICATED, null];
    assert.deepEqual(
      exportWith(codes).filter((entry) => entry.startsWith('make') || entry.startsWith('shut')),
      ['make 1'],
    );
  });
});
