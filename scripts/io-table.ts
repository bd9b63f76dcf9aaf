/** The table of kinds of I/O in docs/metrics.md. */
import { type Call, ROWS, type Row, type Seen } from '../test/live/io-kinds.ts';

const NAMES = {
  sample: 'sample',
  error: 'failed',
  zero: 'empty',
  async: 'asynchronous',
  splice: 'sample of `splice`',
  copy_range: 'sample of `copy_range`',
} as const;

export function ioTable(): string {
  const rows = ROWS.map((row) => `| ${row.what} | ${functionsCell(row)} | ${seenCell(row.syscalls)} |`);
  return ["| one operation | on overlayfs' own functions | on system calls |", '| --- | --- | --- |', ...rows].join(
    '\n',
  );
}

function functionsCell({ functions, functionsBefore }: Row): string {
  if (functionsBefore === undefined) return seenCell(functions);
  return `${seenCell(functions)}; before Linux ${functionsBefore.linux}: ${seenCell(functionsBefore.seen)}`;
}

function seenCell(seen: Seen): string {
  const [first] = seen;
  if (first === undefined) return '–';
  if (seen.every((call) => call.join() === first.join())) return callCell(first, seen.length);
  return seen.map((call) => callCell(call, 1)).join(', and ');
}

function callCell(call: Call, times: number): string {
  const names = call.flatMap((outcome) => (outcome === null ? [] : [NAMES[outcome]]));
  const counts = names.map((name) => `${times} ${name === 'sample' && times > 1 ? 'samples' : name}`);
  return `${call.includes(null) ? 'up to ' : ''}${counts.join(' or ')}`;
}
