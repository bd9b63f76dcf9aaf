/** The results of all guests side by side. */
import type { Run } from './boot.ts';
import type { Outcome } from './results.ts';

export interface GuestRun {
  readonly name: string;
  readonly run: Run;
}

const SIGNS: Record<Outcome, string> = { passed: 'ok', failed: 'FAIL', skipped: 'skip' };

/** One column a guest, one row a test, under the names of their files. */
export function renderMatrix(guests: readonly GuestRun[]): string {
  const width = Math.max(...guests.map(({ name }) => name.length));
  const cells = (texts: readonly string[]): string => texts.map((text) => text.padEnd(width)).join('  ');
  const rows: string[] = [];
  for (const [file, names] of testsByFile(guests)) {
    rows.push('', file, `  ${cells(guests.map(({ name }) => name))}`);
    for (const name of names) {
      const outcomes = guests.map(({ run }) =>
        run.results.find((result) => result.file === file && result.name === name),
      );
      rows.push(`  ${cells(outcomes.map((result) => (result === undefined ? '' : SIGNS[result.outcome])))}  ${name}`);
    }
  }
  return rows.join('\n');
}

function testsByFile(guests: readonly GuestRun[]): Map<string, Set<string>> {
  const files = new Map<string, Set<string>>();
  for (const { file, name } of guests.flatMap(({ run }) => run.results)) {
    const names = files.get(file) ?? new Set();
    files.set(file, names.add(name));
  }
  return files;
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
