/** Prints and counts the results of tests as they end. */
import { Readable } from 'node:stream';
import type { EventData, TestsStream } from 'node:test';
import { spec } from 'node:test/reporters';

export interface Outcome {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** The counts at the end of a stream, which a run of several streams would repeat. */
const COUNTS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

/** Prints the tests of a run, without its counts. */
export async function report(events: TestsStream): Promise<Outcome> {
  let passed = 0;
  const failed: string[] = [];
  const skipped: Outcome['skipped'][number][] = [];
  events.on('test:pass', ({ name, skip, details }) => {
    if (skip !== undefined && skip !== false) skipped.push({ name, reason: String(skip) });
    else if (details.type !== 'suite') passed++;
  });
  events.on('test:fail', ({ name, details: { error } }) => {
    // A suite fails with the tests in it.
    if (!('failureType' in error && error.failureType === 'subtestsFailed')) failed.push(name);
  });
  Readable.from(withoutCounts(events)).compose(new spec()).pipe(process.stdout, { end: false });
  await new Promise((resolve) => events.on('end', resolve));
  return { passed, failed, skipped };
}

async function* withoutCounts(events: AsyncIterable<{ type: string; data: EventData.TestDiagnostic }>): AsyncGenerator {
  for await (const event of events) {
    const { type, data } = event;
    if (type !== 'test:diagnostic' || data.nesting > 0 || !COUNTS.test(data.message)) yield event;
  }
}
