/** Runs the test files inside a guest and says what becomes of each test. */
import { openSync, writeSync } from 'node:fs';
import { release } from 'node:os';
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { inspect } from 'node:util';
import type { GuestLine, Outcome } from './results.ts';
import { LEFT_OUT, otherWays } from './selection.ts';

const DETAIL_CHARACTERS = 20_000;

const serialLine = openSync('/dev/ttyS1', 'w');
const say = (line: GuestLine): void => {
  writeSync(serialLine, `${JSON.stringify(line)}\n`);
};

interface Ended {
  readonly name: string;
  readonly file?: string;
  readonly details: { readonly duration_ms: number; readonly type?: string };
}

function ended(outcome: Outcome, { name, file, details }: Ended, detail: string): void {
  const durationMs = Math.round(details.duration_ms);
  say({ type: 'test', file: nameOf(file), name, outcome, durationMs, detail: detail.slice(0, DETAIL_CHARACTERS) });
}

/** Without the frames of Node itself. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  const { stack = error.message, cause } = error;
  const own = stack.split('\n').filter((line) => !/^ +at .*(node:|<anonymous>\)$)/.test(line));
  return [...own, ...(cause === undefined ? [] : [`cause: ${describe(cause)}`])].join('\n');
}

function nameOf(file = ''): string {
  return relative(process.cwd(), file);
}

say({ type: 'ready', release: release() });
const { TEST_FILES = '', TEST_ALL, TEST_WAY } = process.env;
// In this process, because another one takes seconds to start here.
const testSkipPatterns = TEST_ALL === undefined ? [...LEFT_OUT, ...otherWays(TEST_WAY)] : [];
const events = run({ files: TEST_FILES.split(','), testSkipPatterns, isolation: 'none' });
events.on('test:dequeue', ({ name, file, type }) => {
  if (type === 'test') say({ type: 'begin', file: nameOf(file), name });
});
events.on('test:pass', (event) => {
  if (event.skip !== undefined && event.skip !== false) ended('skipped', event, String(event.skip));
  else if (event.details.type !== 'suite') ended('passed', event, '');
});
events.on('test:fail', (event) => {
  const { error } = event.details;
  // A suite that failed because a test in it did has nothing to add.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return;
  ended('failed', event, describe(error.cause ?? error));
});
// A test's messages follow it.
events.on('test:diagnostic', ({ message }) => {
  const [, found] = /^found: (.*)/.exec(message) ?? [];
  if (found !== undefined) say({ type: 'found', found });
});
events.on('end', () => say({ type: 'end' }));
events.compose(new spec()).pipe(process.stdout);
