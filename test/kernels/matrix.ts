/** The results of all guests side by side. */
import type { Run } from './boot.ts';
import type { Outcome, TestResult } from './results.ts';

export interface GuestRun {
  readonly name: string;
  readonly run: Run;
}

const SIGNS: Record<Outcome, string> = { passed: 'ok', failed: 'FAIL', skipped: '-' };

/** In Markdown: a column for each guest, a row for each test. A passed test's cell is what it found, if it said so. */
export function renderMatrix(guests: readonly GuestRun[]): string {
  const rows = [
    ['', ...guests.map(({ name }) => name)],
    ['', ...guests.map(() => '')],
  ];
  for (const test of testNames(guests)) {
    const cells = guests.map(({ run }) => cellOf(run.results.find(({ name }) => name === test)));
    rows.push([test, ...cells]);
  }
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row, index) => row.map((text, column) => text.padEnd(widths[column] ?? 0, index === 1 ? '-' : ' ')))
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

/** `?` for a test that the guest did not come to. */
function cellOf(result: TestResult | undefined): string {
  if (result === undefined) return '?';
  return (result.outcome === 'passed' && result.found) || SIGNS[result.outcome];
}

function testNames(guests: readonly GuestRun[]): Set<string> {
  return new Set(guests.flatMap(({ run }) => run.results.map(({ name }) => name)));
}

/** Every failed test with what it said, and every guest that did not get through. */
export function renderFailures(guests: readonly GuestRun[]): string[] {
  return guests.flatMap(({ name, run }) => [
    ...run.results
      .filter(({ outcome }) => outcome === 'failed')
      .map((result) => `${name}: ${result.file}: ${result.name}\n${indent(result.detail)}`),
    ...(run.problem === null ? [] : [`${name}: the guest ${run.problem}`]),
  ]);
}

/** Every test that passed only at its second run, with what it said at its first. */
export function renderUnsteady(guests: readonly GuestRun[]): string[] {
  return guests.flatMap(({ name, run }) =>
    run.results
      .filter(({ outcome, detail }) => outcome === 'passed' && detail !== '')
      .map(({ file, name: test, detail }) => `${name}: ${file}: ${test} (passed at its second run)\n${indent(detail)}`),
  );
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

/** One guest in one line. */
export function renderRun({ name, run }: GuestRun): string {
  const count = (outcome: Outcome): number => run.results.filter((result) => result.outcome === outcome).length;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`;
  return [
    `${name} (${run.release || 'not up'}):`,
    `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`,
    `in ${seconds(run.totalMs)}, ${seconds(run.bootMs)} of them to come up`,
    ...(run.problem === null ? [] : [`- the guest ${run.problem}`]),
  ].join(' ');
}
