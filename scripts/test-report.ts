/** Prints and counts the results of tests as they end. */
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import type { EventData, TestsStream } from 'node:test';
import { spec } from 'node:test/reporters';
import { inspect } from 'node:util';

export interface Outcome {
  readonly passed: number;
  /** Each with its reason. */
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** How much of a reason is told at the end again, from its beginning and from its end. */
const REASON_CHARS = 1500;

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
    if (!isOfItsTests(error)) failed.push(`${name}\n${reasonOf(error)}`);
  });
  Readable.from(withoutCounts(events)).compose(new spec()).pipe(process.stdout, { end: false });
  await new Promise((resolve) => events.on('end', resolve));
  return { passed, failed, skipped };
}

/** Prints the tests that fail, and the counts; again whenever tests that watch files have run. */
export async function failures(events: TestsStream): Promise<number> {
  let [passed, failed] = [0, 0];
  const skipped = new Set<string>();
  const tell = (): void => {
    for (const reason of skipped) process.stdout.write(`skipped: ${reason}\n`);
    process.stdout.write(`${passed} tests passed, ${failed} failed\n`);
  };
  events.on('test:pass', ({ skip, details }) => {
    if (typeof skip === 'string') skipped.add(skip);
    else if (details.type !== 'suite') passed++;
  });
  events.on('test:fail', ({ name, file = '', line, details: { error } }) => {
    if (isOfItsTests(error) || wasKilled(error)) return;
    failed++;
    process.stdout.write(`failed: ${name}\n  at ${relative('', file)}:${line}\n  ${inspect(error.cause)}\n`);
  });
  events.on('test:watch:restarted', () => {
    [passed, failed] = [0, 0];
    skipped.clear();
  });
  events.on('test:watch:drained', tell);
  events.resume();
  await new Promise((resolve) => events.on('end', resolve));
  tell();
  return failed;
}

/** The beginning and the end of what is known, which may be all that a program has printed. */
function reasonOf(error: Error): string {
  const reason = inspect(error.cause ?? error).replace(/^/gm, '  ');
  return reason.length <= 2 * REASON_CHARS
    ? reason
    : `${reason.slice(0, REASON_CHARS)}\n  …\n${reason.slice(-REASON_CHARS)}`;
}

/** A suite fails with the tests in it. */
function isOfItsTests(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed';
}

/** What watches ends the tests of a file that are still running when it changes again. */
function wasKilled(error: Error): boolean {
  return 'signal' in error && error.signal === 'SIGTERM';
}

async function* withoutCounts(events: AsyncIterable<{ type: string; data: EventData.TestDiagnostic }>): AsyncGenerator {
  for await (const event of events) {
    const { type, data } = event;
    if (type !== 'test:diagnostic' || data.nesting > 0 || !COUNTS.test(data.message)) yield event;
  }
}
