/** The table of operations in docs/kernels.md. */
import { ROWS, type Row, type Seen } from '../test/live/operations.ts';

export function operationsTable(): string {
  const rows = ROWS.map((row) => `| ${whatCell(row)} | ${functionsCell(row)} | ${seenCell(row.syscalls)} |`);
  return ["| calls | on overlayfs' own functions | on system calls |", '| --- | --- | --- |', ...rows].join('\n');
}

function whatCell({ what, fails }: Row): string {
  return fails === undefined ? what : `${what}: ${fails}`;
}

function functionsCell({ functions, functionsUpTo }: Row): string {
  if (functionsUpTo === undefined) return seenCell(functions);
  const { linux, seen, fails } = functionsUpTo;
  return `${seenCell(functions)}; up to Linux ${linux}: ${fails ?? seenCell(seen)}`;
}

function seenCell(seen: Seen): string {
  const cells = Object.entries(seen).map(([what, count]) => {
    const [op, outcome] = what.split(' ');
    const times = count > 1 ? `${count} ` : '';
    if (outcome === undefined) return `${times}\`${op}\``;
    return outcome === 'answer' ? `(\`${op}\`)` : `\`${op}\` ${outcome === 'other' ? 'error' : outcome}`;
  });
  return cells.length === 0 ? '–' : cells.join(', ');
}
