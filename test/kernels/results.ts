/** What a guest says of its tests, one JSON a line over its second serial line. */

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface TestResult {
  readonly type: 'test';
  readonly file: string;
  readonly name: string;
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** Of a failed test what was wrong, of a skipped one why. */
  readonly detail: string;
  /** What the table shows of a passed test instead of "ok": its message that begins with "found: ". */
  readonly found?: string;
}

export type GuestLine =
  /** The machine is up and Node runs in it. */
  | { readonly type: 'ready'; readonly release: string }
  | { readonly type: 'begin'; readonly file: string; readonly name: string }
  | TestResult
  /** Of the test that ended last. */
  | { readonly type: 'found'; readonly found: string }
  /** All files have been run. */
  | { readonly type: 'end' };

/** null for what is no line of a guest: firmware and kernel may write there as well. */
export function parseGuestLine(line: string): GuestLine | null {
  if (!line.startsWith('{"type":')) return null;
  try {
    return JSON.parse(line) as GuestLine;
  } catch {
    return null;
  }
}

/** As guests take them: files compiled on another machine keep the folder that they were in there. */
export function failedFiles(results: readonly TestResult[]): string[] {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  return [...new Set(failed.map(({ file }) => file.replace(/^.*(?=test\/(live|soak)\/)/, '')))];
}

/** With what a second run said of the tests that failed. The cell of a test that passed only then says so. */
export function withSecondRun(first: readonly TestResult[], second: readonly TestResult[]): TestResult[] {
  return first.map((result) => {
    if (result.outcome !== 'failed') return result;
    const again = second.find(({ name }) => name === result.name);
    return again?.outcome === 'passed' ? { ...again, found: 'ok (2nd run)', detail: result.detail } : result;
  });
}
