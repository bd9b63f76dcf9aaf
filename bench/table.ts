/** Prints rows under a heading, in columns as wide as they need. */
export function printTable(title: string, heading: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const text = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  process.stdout.write(`\n${title}\n${text.map((line) => `  ${line.trimEnd()}\n`).join('')}`);
}

/** An aim beside its result; missing one fails nothing. */
export function judge(aim: string, reached: boolean): string {
  return `${aim}: ${reached ? 'reached' : 'missed'}`;
}
