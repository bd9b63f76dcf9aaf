/** The table of capabilities in docs/privileges.md. */
import { needsOf, PRIVILEGES, type Privilege, type User } from '../test/live/privileges.ts';

export function privilegesTable(): string {
  const rows = PRIVILEGES.map(
    (row) => `| ${whatCell(row)} | ${capabilities(row, 'root')} | ${others(row)} | ${row.without} |`,
  );
  return ['| what | takes, as root | as another user | without it |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function whatCell({ what, where }: Privilege): string {
  return where === undefined ? what : `${what}, where ${where.text}`;
}

function others(row: Privilege): string {
  return row.notAsRoot === undefined ? 'the same' : capabilities(row, 'nobody');
}

function capabilities(row: Privilege, user: User): string {
  return (
    Object.keys(needsOf(row, user))
      .map((name) => `\`${name}\``)
      .join(', ') || 'nothing'
  );
}
